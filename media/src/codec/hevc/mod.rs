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
mod nal_unit_type;
mod parameter_set_ids;
mod sei;
mod sps;

pub use hvcc::{Hvcc, NalUnitArray, NalUnitArrays};
pub use nal_unit_type::{
    BLA_N_LP, CRA, DOLBY_VISION, PPS, PREFIX_SEI, SPS, SUFFIX_SEI, VPS,
    has_no_output_of_prior_pics_flag, is_irap, is_slice, layer_id, nal_unit_type,
};
pub use parameter_set_ids::{HevcIds, HevcUsedIds};
pub use sei::is_display_metadata;
pub use sps::HevcSps;
