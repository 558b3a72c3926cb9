//! AV1 (AV1 Bitstream & Decoding Process Specification): the open bitstream units
//! (OBU) of a sample and the sequence header. Section numbers in this folder are
//! those of that specification.
//!
//! ```text
//! av1C                             (AV1 in ISO BMFF, 2.3)  4 bytes, then OBUs
//! sample = temporal unit
//!   OBU 1  sequence_header_obu()   5.5                     sequence_header
//!   OBU 3  frame_header_obu()      5.9                     obu
//!   OBU 6  frame_obu()             5.10                    obu
//! ```
//!
//! Not supported: still pictures, which are no video streams.

mod obu;
mod sequence_header;

pub use obu::{Av1SampleStart, Obu, find_sequence_header};
pub use sequence_header::Av1SequenceHeader;
