//! H.264 (ITU-T H.264): what must be known of a stream to join it with another
//! one: types of its units, its parameter sets, its `avcC`.

mod avcc;
mod pps;
mod recovery;
mod references;
mod sets;
pub mod slice;
mod sps;

pub use avcc::Avcc;
pub use pps::Pps;
pub use recovery::recovers_at_once;
pub use references::Renumbering;
pub use sets::ParameterSets;
pub use slice::Slice;
pub use sps::{Order, Sps, pps_ids};

/// Type of a unit, from its first byte.
pub fn unit_type(first: u8) -> u8 {
    first & 0x1f
}

/// Slice of an IDR picture: decoding can begin here.
pub const IDR: u8 = 5;
/// Supplemental enhancement information.
pub const SEI: u8 = 6;
/// Sequence parameter set.
pub const SPS: u8 = 7;
/// Picture parameter set.
pub const PPS: u8 = 8;

/// Whether units of a type are slices of a picture or parts of one.
pub fn is_slice(unit_type: u8) -> bool {
    (1..=5).contains(&unit_type)
}
