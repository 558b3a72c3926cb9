//! Types of NAL units (7.4.1, table 7-1).

/// `nal_unit_type` of a NAL unit, from its first byte (7.3.1).
pub fn nal_unit_type(first: u8) -> u8 {
    first & 0x1f
}

/// `nal_unit_type` of a slice of an IDR picture.
pub const IDR: u8 = 5;
/// `nal_unit_type` of supplemental enhancement information.
pub const SEI: u8 = 6;
/// `nal_unit_type` of a sequence parameter set.
pub const SPS: u8 = 7;
/// `nal_unit_type` of a picture parameter set.
pub const PPS: u8 = 8;

/// Whether NAL units of a type hold a slice or a partition of one.
pub fn is_slice(nal_unit_type: u8) -> bool {
    (1..=5).contains(&nal_unit_type)
}

/// Whether NAL units of a type hold a data partition (7.3.2.9).
pub fn is_data_partition(nal_unit_type: u8) -> bool {
    (2..=4).contains(&nal_unit_type)
}
