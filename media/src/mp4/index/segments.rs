//! What the segment indexes of a file say: which segments it has, and when they
//! are presented.

use std::ops::Range;

use super::super::fragment::next_moof;
use super::super::limits;
use super::super::sidx::{SegmentIndex, SegmentReference};
use super::super::source::Mp4Source;
use super::super::top_level::TopLevelBox;
use super::select::MicrosSpan;
use crate::MediaError;

/// How far before and after a span indexes within indexes are read,
/// microseconds: a segment before it may have to be taken along.
const AROUND: i64 = 15_000_000;

/// What follows `moov`.
pub(crate) struct FragmentedBody {
    /// Indexes before the first fragment; only those of the whole file.
    pub indexes: Vec<SegmentIndex>,
    /// The first fragment, if there is one.
    pub first_moof: Option<u64>,
}

/// A segment, with its times in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexedSegment {
    /// Its bytes in the file.
    pub range: Range<u64>,
    /// When its presentation starts and ends.
    pub time: Range<i64>,
    /// Whether decoding can begin with it; also when the index does not say.
    pub may_start: bool,
}

impl IndexedSegment {
    /// Its first `moof`.
    ///
    /// # Errors
    /// There is none, and those of reading.
    pub async fn moof(&self, source: &Mp4Source<'_>) -> Result<TopLevelBox, MediaError> {
        let moof = next_moof(source, self.range.start, limits::HEADER_READ).await?;
        moof.filter(|moof| moof.offset < self.range.end)
            .ok_or_else(|| MediaError::damaged("a segment has no fragment"))
    }
}

/// Reads what follows `moov`, up to the first fragment.
pub(crate) async fn read_body(
    source: &Mp4Source<'_>,
    moov: &TopLevelBox,
) -> Result<FragmentedBody, MediaError> {
    let mut indexes = Vec::new();
    let mut offset = moov.end();
    for _ in 0..limits::BOXES_BEFORE_FRAGMENTS {
        let found = TopLevelBox::read(source, offset, limits::HEADER_READ).await?;
        let Some(found) = found else { break };
        match &found.header.name {
            b"moof" => {
                let mut complete = Vec::new();
                for index in indexes {
                    if is_complete(source, &index).await? {
                        complete.push(index);
                    }
                }
                return Ok(FragmentedBody { indexes: complete, first_moof: Some(offset) });
            }
            b"sidx" => indexes.push(read_sidx(source, &found).await?),
            _ => {}
        }
        offset = found.end();
    }
    Ok(FragmentedBody { indexes: Vec::new(), first_moof: None })
}

/// Whether no fragments follow those of an index. Some files have an index
/// before every fragment.
async fn is_complete(source: &Mp4Source<'_>, index: &SegmentIndex) -> Result<bool, MediaError> {
    let end = index.references.last().map_or(0, |last| last.range.end);
    if end == source.size() || index.references.iter().any(|reference| reference.is_index) {
        return Ok(true);
    }
    let next = TopLevelBox::read(source, end, limits::HEADER_READ).await?;
    Ok(next.is_none_or(|next| !matches!(&next.header.name, b"moof" | b"styp" | b"sidx" | b"mdat")))
}

async fn read_sidx(
    source: &Mp4Source<'_>,
    place: &TopLevelBox,
) -> Result<SegmentIndex, MediaError> {
    let header = place.header;
    if header.size > limits::SIDX {
        return Err(MediaError::too_large("a segment index is too large"));
    }
    let content = source.read(place.offset + header.length, header.size - header.length).await?;
    SegmentIndex::parse(&content, place.end())
}

/// A reference that is still to be followed.
struct Pending {
    /// How many indexes it is in.
    depth: usize,
    /// When it is presented, microseconds.
    time: Range<i64>,
    reference: SegmentReference,
}

/// The references of an index, the last one first.
fn pending(index: &SegmentIndex, depth: usize) -> Vec<Pending> {
    let micros = |ticks| index.timescale.micros(ticks);
    let one = |reference: &SegmentReference| {
        let time = micros(reference.time.start)..micros(reference.time.end);
        Pending { depth, time, reference: reference.clone() }
    };
    index.references.iter().rev().map(one).collect()
}

/// The segments of an index, and of those within it that are near the span.
pub(crate) async fn read_segments(
    source: &Mp4Source<'_>,
    index: &SegmentIndex,
    span: MicrosSpan,
) -> Result<Vec<IndexedSegment>, MediaError> {
    let near = span.widened(AROUND);
    let mut found = Vec::new();
    let mut rest = pending(index, 0);
    let mut read = 0;
    while let Some(Pending { depth, time, reference }) = rest.pop() {
        if !reference.is_index {
            if reference.range.end > source.size() {
                return Err(MediaError::damaged("a segment index goes beyond the file"));
            }
            let SegmentReference { range, may_start, .. } = reference;
            found.push(IndexedSegment { range, time, may_start });
            continue;
        }
        if time.end < near.start || time.start > near.end {
            continue;
        }
        read += 1;
        if depth >= limits::INDEX_NESTING || read > limits::INDEXES {
            return Err(MediaError::too_large("segment indexes are nested too deeply"));
        }
        let start = reference.range.start;
        let Some(place) = TopLevelBox::read(source, start, limits::HEADER_READ).await? else {
            return Err(MediaError::damaged("a segment index goes beyond the file"));
        };
        if &place.header.name != b"sidx" {
            return Err(MediaError::damaged("a segment index refers to something else"));
        }
        rest.extend(pending(&read_sidx(source, &place).await?, depth + 1));
    }
    Ok(found)
}
