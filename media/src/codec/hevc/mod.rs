//! HEVC (ITU-T H.265): what must be known of a stream to join it with another
//! one: types of its units, its parameter sets and their ids, its `hvcC`.

mod hvcc;
mod ids;
mod sei;
mod sps;

pub use hvcc::{Arrays, Hvcc};
pub use ids::{Ids, Used};
pub use sei::is_of_light;
pub use sps::{Sps, pps_ids};

/// Type of a unit, from its first byte.
pub fn unit_type(first: u8) -> u8 {
    first >> 1 & 0x3f
}

/// Layer of a unit, from its first two bytes; 0 is the one that all decode.
pub fn layer(first: u8, second: u8) -> u8 {
    (first & 1) << 5 | second >> 3
}

/// A keyframe that cuts all ties and has no leading pictures.
pub const BLA_N_LP: u8 = 18;
/// A keyframe whose leading pictures may need what is before it.
pub const CRA: u8 = 21;
/// Video parameter set.
pub const VPS: u8 = 32;
/// Sequence parameter set.
pub const SPS: u8 = 33;
/// Picture parameter set.
pub const PPS: u8 = 34;
/// Further information before a picture.
pub const PREFIX_SEI: u8 = 39;
/// Further information after a picture.
pub const SUFFIX_SEI: u8 = 40;
/// What Dolby Vision adds to a picture.
pub const DOLBY_VISION: u8 = 62;

/// Whether units of a type are slices.
pub fn is_slice(unit_type: u8) -> bool {
    unit_type < 32
}

/// Whether slices of a type belong to a keyframe at which decoding can begin.
pub fn is_entry(unit_type: u8) -> bool {
    (16..=21).contains(&unit_type)
}
