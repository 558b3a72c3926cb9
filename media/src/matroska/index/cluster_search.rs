//! Finding clusters by their time where the index has no entry: by halving the
//! range in which a cluster has to be, in few small reads.

use crate::MediaError;
use crate::matroska::buffered_file::BufferedFile;
use crate::matroska::cluster::find_timestamp;
use crate::matroska::ebml::{HEADER_MAX, parse_header};
use crate::matroska::ids;

/// Bytes from a cluster's start within which its time stamp is.
const CLUSTER_HEAD: usize = 64;
/// Bytes that are few enough to be gone through one cluster after another.
const NEAR: u64 = 128 * 1024;
/// Most bytes that are scanned for clusters, all in all.
const SCANNED: u64 = 32 * 1024 * 1024;
/// Most clusters that are remembered.
const KNOWN: usize = 1024;
/// Bytes of the first read of a scan; each further one is twice as long.
const FIRST_READ: usize = 32 * 1024;
/// Bytes of the longest read of a scan.
const LONGEST_READ: usize = 1024 * 1024;
/// Most elements between two clusters.
const BETWEEN_CLUSTERS: usize = 16;

/// A cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundCluster {
    /// First byte.
    pub offset: u64,
    /// First byte behind its header.
    pub content: u64,
    /// First byte behind it, if its header has a size.
    pub end: Option<u64>,
    /// Its time stamp, ticks.
    pub time: u64,
}

/// Two neighbours.
#[derive(Debug, Clone, Copy)]
pub struct ClusterPair {
    /// The last cluster whose time is not later than the wanted one.
    pub last: FoundCluster,
    /// The cluster behind it, if there is one.
    pub next: Option<FoundCluster>,
}

impl FoundCluster {
    /// The cluster at `offset` whose first bytes these are; none when it isn't one.
    fn parse(bytes: &[u8], offset: u64) -> Option<FoundCluster> {
        let header = parse_header(bytes).ok()??;
        if header.id != ids::CLUSTER {
            return None;
        }
        let time = find_timestamp(bytes.get(header.length..)?)?;
        let content = offset + header.length as u64;
        let end = header.size.map(|size| content.saturating_add(size));
        Some(FoundCluster { offset, content, end, time })
    }

    /// Whether what follows its time stamp belongs in a cluster: bytes of a frame
    /// may look like a cluster's start.
    fn is_plausible(&self, bytes: &[u8]) -> bool {
        let mut at = (self.content - self.offset) as usize;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Ok(next) = parse_header(rest) else { return false };
            let Some(next) = next else { return true };
            match next.id {
                ids::SIMPLE_BLOCK | ids::BLOCK_GROUP => return true,
                ids::TIMESTAMP | ids::CRC | ids::VOID | ids::POSITION | ids::PREV_SIZE => {}
                id => return ids::ends_cluster(id),
            }
            let size = next.size.and_then(|size| usize::try_from(size).ok());
            let Some(end) = size.and_then(|size| size.checked_add(at + next.length)) else {
                return false;
            };
            at = end;
        }
    }
}

/// A search, which scans a bounded number of bytes.
pub struct ClusterSearch {
    /// First byte behind the last cluster.
    end: u64,
    scanned: u64,
    /// Clusters that were found while searching for others.
    known: Vec<FoundCluster>,
}

impl ClusterSearch {
    /// Searches before `end`.
    pub fn new(end: u64) -> ClusterSearch {
        ClusterSearch { end, scanned: 0, known: Vec::new() }
    }

    /// The cluster at `offset`, if there is one.
    ///
    /// # Errors
    /// Those of the file.
    pub async fn cluster_at(
        &self,
        file: &mut BufferedFile<'_>,
        offset: u64,
    ) -> Result<Option<FoundCluster>, MediaError> {
        if offset >= self.end {
            return Ok(None);
        }
        Ok(FoundCluster::parse(&file.read_up_to(offset, CLUSTER_HEAD).await?, offset))
    }

    /// From the cluster `low` on: the last one whose time is at most `time`
    /// (`low` if there is none), and the one behind it.
    ///
    /// # Errors
    /// Those of the file, and when clusters are too far apart to be found.
    pub async fn last_cluster_until(
        &mut self,
        file: &mut BufferedFile<'_>,
        low: FoundCluster,
        time: u64,
    ) -> Result<ClusterPair, MediaError> {
        let (mut low, mut high) = self.narrow_by_known(low, time);
        let read_ahead = file.read_ahead;
        loop {
            let after = low.end.unwrap_or(low.content).max(low.content);
            let near = NEAR.max(2 * after.saturating_sub(low.offset));
            let rest = high.saturating_sub(after);
            if rest > near {
                let middle = after + rest / 2;
                match self.scan(file, middle..high, low.time).await? {
                    Some(found) if found.time <= time => low = found,
                    _ => high = middle,
                }
                continue;
            }
            // Small clusters are read together, of large ones only the heads.
            if low.end.is_none_or(|end| end.saturating_sub(low.offset) < NEAR / 4) {
                file.read_ahead = read_ahead.max(rest.min(NEAR) as usize + CLUSTER_HEAD);
            }
            let next = self.next_cluster(file, low).await;
            file.read_ahead = read_ahead;
            match next? {
                Some(next) if next.time <= time && next.offset < high => low = next,
                next => return Ok(ClusterPair { last: low, next }),
            }
        }
    }

    /// The last known cluster whose time is at most `time` (`low` if there is
    /// none), and the offset before which the wanted one has to start.
    fn narrow_by_known(&self, low: FoundCluster, time: u64) -> (FoundCluster, u64) {
        let behind = self.known.iter().filter(|known| known.offset > low.offset);
        let later = behind.filter(|known| known.time > time).map(|known| known.offset);
        let high = later.fold(self.end, u64::min);
        let earlier = self.known.iter().filter(|known| known.offset < high && known.time <= time);
        let low =
            earlier.fold(low, |low, known| if known.offset > low.offset { *known } else { low });
        (low, high)
    }

    /// The cluster behind this one.
    ///
    /// # Errors
    /// Those of the file, and when clusters are too far apart to be found.
    pub async fn next_cluster(
        &mut self,
        file: &mut BufferedFile<'_>,
        cluster: FoundCluster,
    ) -> Result<Option<FoundCluster>, MediaError> {
        let Some(mut offset) = cluster.end.filter(|end| *end > cluster.offset) else {
            return self.scan(file, cluster.content..self.end, cluster.time).await;
        };
        // Other elements may be between clusters, but not many.
        for _ in 0..BETWEEN_CLUSTERS {
            if let Some(next) = self.cluster_at(file, offset).await? {
                return Ok(Some(next));
            }
            if offset >= self.end {
                return Ok(None);
            }
            let bytes = file.read_up_to(offset, HEADER_MAX).await?;
            let Ok(Some(header)) = parse_header(&bytes) else { return Ok(None) };
            let Some(size) = header.size else { return Ok(None) };
            offset = offset.saturating_add(header.length as u64).saturating_add(size);
        }
        Ok(None)
    }

    /// The first cluster that starts in `range` and is not before `time`.
    async fn scan(
        &mut self,
        file: &mut BufferedFile<'_>,
        range: std::ops::Range<u64>,
        time: u64,
    ) -> Result<Option<FoundCluster>, MediaError> {
        let (mut offset, mut length) = (range.start, FIRST_READ);
        while offset < range.end {
            let bytes = file.read_up_to(offset, length + CLUSTER_HEAD).await?;
            let rest = usize::try_from(range.end - offset).unwrap_or(usize::MAX);
            let within = rest.min(length).min(bytes.len());
            if within == 0 {
                return Ok(None);
            }
            for start in 0..within {
                let rest = bytes.get(start..).unwrap_or_default();
                if !rest.starts_with(&ids::CLUSTER.to_be_bytes()) {
                    continue;
                }
                let rest = rest.get(..CLUSTER_HEAD).unwrap_or(rest);
                let found = FoundCluster::parse(rest, offset + start as u64);
                let found = found.filter(|found| found.time >= time && found.is_plausible(rest));
                if let Some(found) = found {
                    if self.known.len() < KNOWN {
                        self.known.push(found);
                    }
                    return Ok(Some(found));
                }
            }
            self.scanned = self.scanned.saturating_add(within as u64);
            if self.scanned > SCANNED {
                return Err(MediaError::unsupported("no index, and clusters too far apart"));
            }
            offset += within as u64;
            length = (2 * length).min(LONGEST_READ);
        }
        Ok(None)
    }
}
