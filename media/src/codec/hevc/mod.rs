//! HEVC (ITU-T H.265, ISO/IEC 23008-2): NAL units and parameter sets, as far as
//! the smart cut reads and rewrites them. Section numbers in this folder are
//! those of ITU-T H.265 unless another standard is named.
//!
//! ```text
//! hvcC                    decoder configuration (ISO/IEC 14496-15, 8.3.3.1)    hvcc
//! sample
//!   NAL unit 32 VPS       video_parameter_set_rbsp()  7.3.2.1                  parameter_set_ids
//!   NAL unit 33 SPS       seq_parameter_set_rbsp()    7.3.2.2                  sps
//!   NAL unit 34 PPS       pic_parameter_set_rbsp()    7.3.2.3                  parameter_set_ids
//!   NAL unit 39 SEI       sei_message()               7.3.5, D.2.28, D.2.35    sei
//!   NAL unit 0 to 21      slice_segment_layer_rbsp()  7.3.6.1                  parameter_set_ids
//!            16 to 20       of an IRAP picture: BLA, IDR (7.4.2.2)
//!            21             of an IRAP picture: CRA, the keyframe of an open GOP
//! ```
//!
//! Not supported: layers (`nuh_layer_id` above 0) and Dolby Vision NAL units,
//! because they need streams of head and tail that no encoder here writes.

mod hvcc;
mod parameter_set_ids;
mod sei;
mod sps;

pub use hvcc::{Hvcc, NalUnitArray, NalUnitArrays};
pub use parameter_set_ids::{HevcIds, HevcUsedIds};
pub use sei::is_display_metadata;
pub use sps::HevcSps;

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
