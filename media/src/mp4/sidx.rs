//! Segment indexes (`sidx`, ISO/IEC 14496-12, 8.16.3): which bytes have which
//! time.

use std::ops::Range;

use clipmill_core::Timescale;

use super::boxes::FieldReader;
use super::limits;
use crate::MediaError;

/// What a `sidx` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentIndex {
    /// The track whose times these are.
    pub track: u32,
    /// The clock of its times.
    pub timescale: Timescale,
    /// What it refers to, in order; each begins where the one before ends.
    pub references: Vec<SegmentReference>,
}

/// Something that a `sidx` refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentReference {
    /// Its bytes in the file.
    pub range: Range<u64>,
    /// When its presentation starts and ends, ticks.
    pub time: Range<i64>,
    /// Whether it begins with another `sidx` rather than being samples.
    pub is_index: bool,
    /// Whether decoding can begin with it; also when the index does not say.
    pub may_start: bool,
}

impl SegmentIndex {
    /// Reads the content of a `sidx` that ends at `end` in the file.
    ///
    /// # Errors
    /// It is damaged.
    pub fn parse(content: &[u8], end: u64) -> Result<SegmentIndex, MediaError> {
        let impossible = || MediaError::damaged("a segment index has impossible values");
        let mut fields = FieldReader::new(content);
        let (version, _) = fields.version_and_flags()?;
        let track = fields.u32()?;
        let timescale = fields.u32()?;
        let earliest = fields.by_version(version)?;
        let first = fields.by_version(version)?;
        fields.u16()?;
        let count = fields.u16()?;
        let timescale = Timescale::new(timescale).ok_or_else(impossible)?;
        let earliest = i64::try_from(earliest).ok().filter(|ticks| *ticks < limits::LATEST);
        let mut time = earliest.ok_or_else(impossible)?;
        let mut offset = end.checked_add(first).ok_or_else(impossible)?;
        let mut references = Vec::new();
        for _ in 0..count {
            let size = fields.u32()?;
            let duration = fields.u32()?;
            let access = fields.u32()?;
            let until = offset
                .checked_add(u64::from(size & 0x7fff_ffff))
                .ok_or_else(|| MediaError::damaged("a segment index goes beyond the file"))?;
            let later = time.saturating_add(duration.into());
            let starts_with_access_point = access >> 31 == 1;
            // Type 0 says nothing of how the segment starts.
            let access_point_type = access >> 28 & 7;
            references.push(SegmentReference {
                range: offset..until,
                time: time..later,
                is_index: size >> 31 == 1,
                may_start: starts_with_access_point || access_point_type == 0,
            });
            offset = until;
            time = later;
        }
        Ok(SegmentIndex { track, timescale, references })
    }
}
