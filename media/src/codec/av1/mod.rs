//! AV1 (the AV1 bitstream specification): the units of a sample, its sequence
//! header, and whether decoding can begin at it.

mod obu;
mod sequence;

pub use obu::{Obu, obus};
pub use sequence::Sequence;

use crate::Error;

const SEQUENCE_HEADER: u8 = 1;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;

/// What a sample is to somebody who begins with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Whether its first frame is a shown keyframe.
    pub keyframe: bool,
    /// The sequence header before it, when there is one.
    pub sequence: Option<Sequence>,
}

/// Looks at the first frame of a sample, of which the beginning may do.
///
/// # Errors
/// `Damaged` when that isn't AV1, or there is no frame in what is given.
pub fn start(sample: &[u8]) -> Result<Start, Error> {
    let mut sequence = None;
    for obu in obus(sample) {
        let obu = obu?;
        match obu.kind {
            SEQUENCE_HEADER => sequence = Some(Sequence::parse(obu.payload)?),
            FRAME_HEADER | FRAME => {
                // Shown again 0, keyframe 00, shown 1.
                let first = obu.payload.first().copied().unwrap_or(0xff);
                return Ok(Start { keyframe: first >> 4 == 0b0001, sequence });
            }
            _ => {}
        }
    }
    Err(Error::damaged("a sample without a frame"))
}

/// The first sequence header among some units, as its whole unit.
///
/// # Errors
/// `Damaged` when the units before it aren't any.
pub fn sequence_unit(units: &[u8]) -> Result<Option<&[u8]>, Error> {
    for obu in obus(units) {
        let obu = obu?;
        if obu.kind == SEQUENCE_HEADER {
            return Ok(Some(obu.whole));
        }
    }
    Ok(None)
}
