//! H.264 (ITU-T H.264, ISO/IEC 14496-10): NAL units, parameter sets and slice
//! headers, as far as the smart cut reads and rewrites them. Section numbers in
//! this folder are those of ITU-T H.264 unless another standard is named.
//!
//! ```text
//! avcC                      decoder configuration (ISO/IEC 14496-15, 5.3.3.1)   avcc
//! sample
//!   NAL unit 7  SPS         seq_parameter_set_data()    7.3.2.1.1               sps
//!   NAL unit 8  PPS         pic_parameter_set_rbsp()    7.3.2.2                 parameter_sets
//!   NAL unit 6  SEI         recovery_point()            D.1.8, D.2.8            recovery_point
//!   NAL unit 1  slice       slice_header()              7.3.3, 7.4.3            slice_header
//!               of non-IDR    ref_pic_list_modification() 7.3.3.1, 7.4.3.1      ref_pic_syntax
//!                             pred_weight_table()       7.3.3.2                 ref_pic_syntax
//!                             dec_ref_pic_marking()     7.3.3.3, 7.4.3.3        ref_pic_syntax
//!   NAL unit 5  slice of an IDR picture
//! ```
//!
//! [`FrameNumRewriter`] computes new slice headers for the pictures behind an
//! intra picture that becomes an IDR picture (recovery point of an open GOP):
//! picture order counts (8.2.1, `pic_order_cnt`), reference picture lists
//! (8.2.4, `ref_pic_list`) and reference marking (8.2.5, `dpb`).
//!
//! Not supported, because no encoder in common use writes it, and because each
//! needs a model of the decoder of its own:
//! * data partitions (NAL units 2 to 4), switching slices (SP, SI), slice groups,
//!   redundant pictures: profiles Extended and Baseline only;
//! * luma and chroma of different bit depths;
//! * for the rewriting of slice headers also: fields (`field_pic_flag`), long-term
//!   reference pictures, gaps in `frame_num`, separate colour planes,
//!   `pic_order_cnt_type` 1, and CAVLC, whose slice data is not byte-aligned, so
//!   that all of it would have to be shifted.

mod avcc;
mod dpb;
mod frame_num_rewriter;
mod nal_unit_type;
mod parameter_sets;
mod pic_order_cnt;
mod recovery_point;
mod ref_pic_list;
mod ref_pic_syntax;
mod slice_header;
mod sps;

pub use avcc::Avcc;
pub use frame_num_rewriter::FrameNumRewriter;
pub use nal_unit_type::{IDR, PPS, SEI, SPS, is_data_partition, is_slice, nal_unit_type};
pub use parameter_sets::{H264Pps, ParameterSetIds, ParameterSets};
pub use recovery_point::is_exact_recovery_point;
pub use slice_header::{SliceHeader, SliceHeaderChanges, slice_pps_id};
pub use sps::H264Sps;
