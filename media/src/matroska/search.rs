//! Finding clusters by their time in a file whose index does not tell, in few
//! small reads.

use super::ebml::{HEADER, header};
use super::ids;
use super::read::timestamp;
use super::window::Window;
use crate::Error;

/// Bytes from a cluster's beginning within which its time stamp is.
const HEAD: usize = 64;
/// Bytes that are near enough to be looked through one cluster after another.
const NEAR: u64 = 128 * 1024;
/// Most bytes that are looked through for clusters, all in all.
const SCANNED: u64 = 32 * 1024 * 1024;
/// Most clusters that are remembered.
const KNOWN: usize = 1024;
/// Bytes of the first read of a scan; each further one is twice as long.
const CHUNK: usize = 32 * 1024;
/// Bytes of the longest read of a scan.
const LONGEST: usize = 1024 * 1024;

/// A cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// First byte.
    pub at: u64,
    /// First byte after its header.
    pub content: u64,
    /// First byte after it, if it tells its size.
    pub end: Option<u64>,
    /// Its time stamp, ticks.
    pub time: u64,
}

/// The cluster whose beginning `bytes` is, at `at`; none when it isn't one.
fn spot(bytes: &[u8], at: u64) -> Option<Spot> {
    let head = header(bytes).ok()??;
    if head.id != ids::CLUSTER {
        return None;
    }
    let time = timestamp(bytes.get(head.length..)?)?;
    let content = at + head.length as u64;
    Some(Spot { at, content, end: head.size.map(|size| content.saturating_add(size)), time })
}

/// A search, which looks through a bounded number of bytes.
pub struct Search {
    /// First byte after the last cluster.
    to: u64,
    scanned: u64,
    /// Clusters that were found while searching for others.
    known: Vec<Spot>,
}

impl Search {
    /// Searches before `to`.
    pub fn new(to: u64) -> Search {
        Search { to, scanned: 0, known: Vec::new() }
    }

    /// The cluster at `at`, if there is one.
    ///
    /// # Errors
    /// Those of the file.
    pub async fn spot(&self, window: &mut Window<'_>, at: u64) -> Result<Option<Spot>, Error> {
        if at >= self.to {
            return Ok(None);
        }
        Ok(spot(&window.some(at, HEAD).await?, at))
    }

    /// From the cluster `low` on: the last one whose time is at most `time`
    /// (`low` if there is none), and the one after it.
    ///
    /// # Errors
    /// Those of the file, or when clusters are too far apart to be found.
    pub async fn last(
        &mut self,
        window: &mut Window<'_>,
        low: Spot,
        time: u64,
    ) -> Result<(Spot, Option<Spot>), Error> {
        let mut low = low;
        let mut high = self.to;
        for spot in self.known.iter().filter(|spot| spot.at > low.at) {
            if spot.time > time {
                high = high.min(spot.at);
            }
        }
        for spot in self.known.iter().filter(|spot| spot.at < high && spot.time <= time) {
            low = if spot.at > low.at { *spot } else { low };
        }
        let ahead = window.ahead;
        loop {
            let after = low.end.unwrap_or(low.content).max(low.content);
            let near = NEAR.max(2 * after.saturating_sub(low.at));
            let rest = high.saturating_sub(after);
            if rest > near {
                let middle = after + rest / 2;
                match self.scan(window, middle, high, low.time).await? {
                    Some(found) if found.time <= time => low = found,
                    _ => high = middle,
                }
                continue;
            }
            // Small clusters are read together, of large ones only the heads.
            if low.end.is_none_or(|end| end.saturating_sub(low.at) < NEAR / 4) {
                window.ahead = ahead.max(rest.min(NEAR) as usize + HEAD);
            }
            let next = self.next(window, low).await;
            window.ahead = ahead;
            match next? {
                Some(next) if next.time <= time && next.at < high => low = next,
                next => return Ok((low, next)),
            }
        }
    }

    /// The cluster after this one.
    ///
    /// # Errors
    /// Those of the file, or when clusters are too far apart to be found.
    pub async fn next(
        &mut self,
        window: &mut Window<'_>,
        spot: Spot,
    ) -> Result<Option<Spot>, Error> {
        let Some(mut at) = spot.end.filter(|end| *end > spot.at) else {
            return self.scan(window, spot.content, self.to, spot.time).await;
        };
        // Other elements may be between clusters, but not many.
        for _ in 0..16 {
            if let Some(next) = self.spot(window, at).await? {
                return Ok(Some(next));
            }
            if at >= self.to {
                return Ok(None);
            }
            let bytes = window.some(at, HEADER).await?;
            let Ok(Some(head)) = header(&bytes) else { return Ok(None) };
            let Some(size) = head.size else { return Ok(None) };
            at = at.saturating_add(head.length as u64).saturating_add(size);
        }
        Ok(None)
    }

    /// The first cluster that begins in `from..to`, which is not before `time`.
    async fn scan(
        &mut self,
        window: &mut Window<'_>,
        from: u64,
        to: u64,
        time: u64,
    ) -> Result<Option<Spot>, Error> {
        let (mut at, mut chunk) = (from, CHUNK);
        while at < to {
            let bytes = window.some(at, chunk + HEAD).await?;
            let within = usize::try_from(to - at).unwrap_or(usize::MAX).min(chunk).min(bytes.len());
            if within == 0 {
                return Ok(None);
            }
            for start in 0..within {
                let rest = bytes.get(start..).unwrap_or_default();
                if !rest.starts_with(&ids::CLUSTER.to_be_bytes()) {
                    continue;
                }
                let rest = rest.get(..HEAD).unwrap_or(rest);
                let found = spot(rest, at + start as u64).filter(|found| found.time >= time);
                if let Some(found) = found.filter(|found| follows(rest, found)) {
                    if self.known.len() < KNOWN {
                        self.known.push(found);
                    }
                    return Ok(Some(found));
                }
            }
            self.scanned = self.scanned.saturating_add(within as u64);
            if self.scanned > SCANNED {
                return Err(Error::unsupported("no index, and clusters too far apart"));
            }
            at += within as u64;
            chunk = (2 * chunk).min(LONGEST);
        }
        Ok(None)
    }
}

/// Whether what follows a cluster's time stamp belongs in a cluster: bytes of a
/// picture may look like a cluster's beginning.
fn follows(bytes: &[u8], spot: &Spot) -> bool {
    let mut at = (spot.content - spot.at) as usize;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Ok(next) = header(rest) else { return false };
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
