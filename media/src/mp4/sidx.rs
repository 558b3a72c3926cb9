//! Segment indexes (`sidx`): which bytes have which time.

use std::ops::Range;

use super::boxes::Fields;
use crate::Error;

/// What a `sidx` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The track whose times these are.
    pub track: u32,
    /// Ticks per second; not 0.
    pub timescale: u32,
    /// What it refers to, in order; each begins where the one before ends.
    pub references: Vec<Reference>,
}

/// Something that a `sidx` refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its bytes in the file.
    pub range: Range<u64>,
    /// When it begins and ends to be presented, ticks.
    pub time: Range<i64>,
    /// Whether it begins with another `sidx` rather than being samples.
    pub index: bool,
    /// Whether decoding can begin with it; also when the index does not tell.
    pub begins: bool,
}

impl Index {
    /// Reads the content of a `sidx` box that ends at `end` in the file.
    ///
    /// # Errors
    /// It is damaged.
    pub fn read(content: &[u8], end: u64) -> Result<Index, Error> {
        let mut fields = Fields::new(content);
        let (version, _) = fields.version()?;
        let track = fields.u32()?;
        let timescale = fields.u32()?;
        let (earliest, first) = (fields.wide(version)?, fields.wide(version)?);
        fields.u16()?;
        let count = fields.u16()?;
        let earliest = i64::try_from(earliest).ok().filter(|ticks| *ticks < i64::MAX / 8);
        let (Some(mut time), Some(mut at), true) =
            (earliest, end.checked_add(first), timescale > 0)
        else {
            return Err(Error::damaged("a segment index has impossible values"));
        };
        let mut references = Vec::new();
        for _ in 0..count {
            let (size, duration, access) = (fields.u32()?, fields.u32()?, fields.u32()?);
            let index = size >> 31 == 1;
            let until = at
                .checked_add(u64::from(size & 0x7fff_ffff))
                .ok_or_else(|| Error::damaged("a segment index goes beyond the file"))?;
            let later = time.saturating_add(duration.into());
            // Type 0 says nothing of how the segment begins.
            let (starts, kind) = (access >> 31 == 1, access >> 28 & 7);
            let begins = starts || kind == 0;
            references.push(Reference { range: at..until, time: time..later, index, begins });
            (at, time) = (until, later);
        }
        Ok(Index { track, timescale, references })
    }
}
