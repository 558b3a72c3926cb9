//! Types of NAL units (7.4.2.2, table 7-1) and their layers.

/// `nal_unit_type` of a NAL unit, from its first byte (7.3.1.2).
pub fn nal_unit_type(first: u8) -> u8 {
    first >> 1 & 0x3f
}

/// `nuh_layer_id` of a NAL unit, from its first two bytes; 0 is the base layer.
pub fn layer_id(first: u8, second: u8) -> u8 {
    (first & 1) << 5 | second >> 3
}

/// `nal_unit_type` BLA_N_LP: an IRAP picture after a splice, without leading
/// pictures.
pub const BLA_N_LP: u8 = 18;
/// `nal_unit_type` CRA_NUT: an IRAP picture whose leading pictures may refer to
/// pictures before it.
pub const CRA: u8 = 21;
/// `nal_unit_type` of a video parameter set.
pub const VPS: u8 = 32;
/// `nal_unit_type` of a sequence parameter set.
pub const SPS: u8 = 33;
/// `nal_unit_type` of a picture parameter set.
pub const PPS: u8 = 34;
/// `nal_unit_type` of SEI messages before a picture.
pub const PREFIX_SEI: u8 = 39;
/// `nal_unit_type` of SEI messages after a picture.
pub const SUFFIX_SEI: u8 = 40;
/// `nal_unit_type` of Dolby Vision metadata and enhancement layers: 62 and 63,
/// which the standard leaves unspecified.
pub const DOLBY_VISION: u8 = 62;

/// Whether NAL units of a type hold a slice segment (VCL).
pub fn is_slice(nal_unit_type: u8) -> bool {
    nal_unit_type < 32
}

/// Whether a slice segment of this type starts with
/// `no_output_of_prior_pics_flag` (7.3.6.1): types of IRAP pictures, and the
/// reserved ones.
pub fn has_no_output_of_prior_pics_flag(nal_unit_type: u8) -> bool {
    (16..=23).contains(&nal_unit_type)
}

/// Whether slice segments of a type belong to an IRAP picture: decoding can start
/// there.
pub fn is_irap(nal_unit_type: u8) -> bool {
    (16..=21).contains(&nal_unit_type)
}
