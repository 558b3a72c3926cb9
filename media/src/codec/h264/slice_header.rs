//! The slice header (7.3.3, 7.4.3) of a frame that is no IDR picture: which
//! frame it belongs to and which others it refers to. [`SliceHeader::rewrite`]
//! writes it again with other numbers; everything else stays as it is, bit for
//! bit.
//!
//! ```text
//! | nal_unit header | first_mb_in_slice | slice_type | pic_parameter_set_id
//! | frame_num * | idr_pic_id + | pic_order_cnt_lsb * | ...
//! | ref_pic_list_modification * | pred_weight_table
//! | dec_ref_pic_marking * | cabac_init_idc | slice_qp_delta | ... | slice data
//!   * rewritten   + inserted when the slice becomes one of an IDR picture
//! ```

use std::ops::Range;

use super::nal_unit_type::{IDR, nal_unit_type};
use super::parameter_sets::H264Pps;
use super::ref_pic_syntax::{
    RefPicListModifications, RefPicMarking, SliceType, read_marking, read_modifications,
    skip_pred_weight_table, unreadable, write_marking, write_modifications,
};
use super::sps::{H264Sps, PicOrderCntType};
use crate::MediaError;
use crate::codec::bits::{BitReader, BitWriter};

/// `idr_pic_id` of a picture that becomes an IDR picture. Two consecutive IDR
/// pictures must have different ones (7.4.3), and encoders count from 0.
const IDR_PIC_ID: u32 = 1_000;

/// The syntax elements of a slice header that frame numbers, picture order
/// counts and reference pictures depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceHeader {
    /// `slice_type`.
    pub slice_type: SliceType,
    /// `nal_ref_idc` is not 0: other pictures may refer to this one.
    pub is_reference: bool,
    /// `frame_num`.
    pub frame_num: u32,
    /// `pic_order_cnt_lsb`; 0 where there is none.
    pub pic_order_cnt_lsb: u32,
    /// `delta_pic_order_cnt_bottom`.
    pub delta_pic_order_cnt_bottom: i32,
    /// `num_ref_idx_l0_active_minus1 + 1`, and the same of list 1.
    pub num_ref_idx_active: [u32; 2],
    /// `ref_pic_list_modification` of each list.
    pub ref_pic_list_modifications: RefPicListModifications,
    /// `dec_ref_pic_marking`.
    pub ref_pic_marking: RefPicMarking,
    layout: Layout,
}

/// Where the rewritten syntax elements are, in bits from the first bit of the
/// NAL unit without emulation prevention.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Layout {
    frame_num: Range<usize>,
    pic_order_cnt_lsb: Range<usize>,
    ref_pic_list_modification: Range<usize>,
    dec_ref_pic_marking: Range<usize>,
    end: usize,
}

/// What a rewritten slice header says instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceHeaderChanges {
    /// Whether the slice becomes one of an IDR picture.
    pub idr: bool,
    /// `frame_num`.
    pub frame_num: u32,
    /// `pic_order_cnt_lsb`.
    pub pic_order_cnt_lsb: u32,
    /// `ref_pic_list_modification` of each list.
    pub ref_pic_list_modifications: RefPicListModifications,
    /// `dec_ref_pic_marking`.
    pub ref_pic_marking: RefPicMarking,
}

/// `pic_parameter_set_id` of a slice; `rbsp` is the start of its NAL unit
/// without emulation prevention.
///
/// # Errors
/// `Damaged` when the slice header ends too early.
pub fn slice_pps_id(rbsp: &[u8]) -> Result<u8, MediaError> {
    let mut bits = BitReader::new(rbsp);
    bits.skip(8)?;
    bits.ue()?;
    bits.ue()?;
    Ok(bits.ue_to(255)? as u8)
}

impl SliceHeader {
    /// Reads the header of a slice of a non-IDR picture from the start of its
    /// NAL unit without emulation prevention.
    ///
    /// # Errors
    /// `Damaged` when it can't be read, or ends too early; `Unsupported` for
    /// fields, long-term reference pictures, and switching slices.
    pub fn parse(rbsp: &[u8], sps: &H264Sps, pps: &H264Pps) -> Result<SliceHeader, MediaError> {
        let first = rbsp.first().copied().unwrap_or_default();
        if nal_unit_type(first) == IDR {
            return Err(MediaError::unsupported("an IDR picture among other slices"));
        }
        let is_reference = first & 0x60 != 0; // nal_ref_idc
        let mut bits = BitReader::new(rbsp);
        bits.skip(8)?;
        bits.ue()?; // first_mb_in_slice
        let slice_type = read_slice_type(&mut bits)?;
        bits.ue_to(255)?; // pic_parameter_set_id
        let (frame_num_at, frame_num) = read_field(&mut bits, sps.frame_num_bits)?;
        // field_pic_flag
        if !sps.frame_mbs_only && bits.bit()? {
            return Err(MediaError::unsupported("H.264 coded in fields"));
        }
        let (lsb_at, pic_order_cnt_lsb) = read_field(&mut bits, lsb_bits(sps)?)?;
        let has_delta = !lsb_at.is_empty() && pps.bottom_field_pic_order_in_frame_present;
        let delta = if has_delta { bits.se()? } else { 0 };
        let delta_pic_order_cnt_bottom = i32::try_from(delta).map_err(|_| unreadable())?;
        if slice_type == SliceType::B {
            bits.bit()?; // direct_spatial_mv_pred_flag
        }
        let num_ref_idx_active = read_num_ref_idx_active(&mut bits, slice_type, pps)?;
        let start = bits.position();
        let ref_pic_list_modifications = read_modifications(&mut bits, slice_type)?;
        let modification_at = start..bits.position();
        skip_pred_weight_table(&mut bits, sps, pps, slice_type, num_ref_idx_active)?;
        let start = bits.position();
        let ref_pic_marking =
            if is_reference { read_marking(&mut bits)? } else { RefPicMarking::SlidingWindow };
        let marking_at = start..bits.position();
        skip_quantization_and_deblocking(&mut bits, slice_type, pps)?;
        Ok(SliceHeader {
            slice_type,
            is_reference,
            frame_num,
            pic_order_cnt_lsb,
            delta_pic_order_cnt_bottom,
            num_ref_idx_active,
            ref_pic_list_modifications,
            ref_pic_marking,
            layout: Layout {
                frame_num: frame_num_at,
                pic_order_cnt_lsb: lsb_at,
                ref_pic_list_modification: modification_at,
                dec_ref_pic_marking: marking_at,
                end: bits.position(),
            },
        })
    }

    /// Whether both can be slices of the same frame (7.4.1.2.4).
    pub fn is_of_same_frame(&self, other: &SliceHeader) -> bool {
        self.frame_num == other.frame_num
            && self.pic_order_cnt_lsb == other.pic_order_cnt_lsb
            && self.delta_pic_order_cnt_bottom == other.delta_pic_order_cnt_bottom
            && self.is_reference == other.is_reference
            && self.ref_pic_marking == other.ref_pic_marking
    }

    /// Offset of the slice data in bytes, which are aligned with CABAC.
    pub fn data_offset(&self) -> usize {
        self.layout.end.div_ceil(8)
    }

    /// The NAL unit up to the slice data with a changed header, filled up to a
    /// whole byte as CABAC demands (`cabac_alignment_one_bit`, 7.3.4).
    ///
    /// # Errors
    /// `Damaged` when `rbsp` is not what the header was read from.
    pub fn rewrite(
        &self,
        rbsp: &[u8],
        changes: &SliceHeaderChanges,
    ) -> Result<Vec<u8>, MediaError> {
        let layout = &self.layout;
        let mut from = BitReader::new(rbsp);
        let mut to = BitWriter::new();
        let first = from.bits(8)?;
        to.bits(if changes.idr { first & 0xe0 | u32::from(IDR) } else { first }, 8);
        to.copy_until(&mut from, layout.frame_num.start)?;
        to.bits(changes.frame_num, layout.frame_num.len() as u32);
        from.skip(layout.frame_num.len())?;
        to.copy_until(&mut from, layout.pic_order_cnt_lsb.start)?;
        if changes.idr {
            to.ue(IDR_PIC_ID);
        }
        to.bits(changes.pic_order_cnt_lsb, layout.pic_order_cnt_lsb.len() as u32);
        from.skip(layout.pic_order_cnt_lsb.len())?;
        to.copy_until(&mut from, layout.ref_pic_list_modification.start)?;
        write_modifications(&mut to, self.slice_type, &changes.ref_pic_list_modifications);
        from.skip(layout.ref_pic_list_modification.len())?;
        to.copy_until(&mut from, layout.dec_ref_pic_marking.start)?;
        if changes.idr {
            // no_output_of_prior_pics_flag, long_term_reference_flag
            to.bits(0, 2);
        } else if self.is_reference {
            write_marking(&mut to, &changes.ref_pic_marking);
        }
        from.skip(layout.dec_ref_pic_marking.len())?;
        to.copy_until(&mut from, layout.end)?;
        while !to.is_byte_aligned() {
            to.bit(true);
        }
        Ok(to.finish())
    }
}

/// Where a fixed-length syntax element is, and its value.
fn read_field(bits: &mut BitReader<'_>, width: u32) -> Result<(Range<usize>, u32), MediaError> {
    let start = bits.position();
    let value = bits.bits(width)?;
    Ok((start..bits.position(), value))
}

fn read_slice_type(bits: &mut BitReader<'_>) -> Result<SliceType, MediaError> {
    match bits.ue_to(9)? % 5 {
        0 => Ok(SliceType::P),
        1 => Ok(SliceType::B),
        2 => Ok(SliceType::I),
        _ => Err(MediaError::unsupported("H.264 with switching slices")),
    }
}

/// Bits of `pic_order_cnt_lsb`; 0 where there is none.
fn lsb_bits(sps: &H264Sps) -> Result<u32, MediaError> {
    match sps.pic_order_cnt_type {
        PicOrderCntType::Lsb { bits } => Ok(bits),
        PicOrderCntType::DecodingOrder => Ok(0),
        PicOrderCntType::Cycle => Err(MediaError::unsupported("H.264 with pic_order_cnt_type 1")),
    }
}

fn read_num_ref_idx_active(
    bits: &mut BitReader<'_>,
    slice_type: SliceType,
    pps: &H264Pps,
) -> Result<[u32; 2], MediaError> {
    let mut active = pps.num_ref_idx_default_active;
    // num_ref_idx_active_override_flag
    if slice_type != SliceType::I && bits.bit()? {
        for count in active.iter_mut().take(slice_type.list_count()) {
            *count = bits.ue_to(31)? + 1;
        }
    }
    Ok(active)
}

/// Skips the rest of the header behind `dec_ref_pic_marking`.
fn skip_quantization_and_deblocking(
    bits: &mut BitReader<'_>,
    slice_type: SliceType,
    pps: &H264Pps,
) -> Result<(), MediaError> {
    if pps.cabac && slice_type != SliceType::I {
        bits.ue_to(2)?; // cabac_init_idc
    }
    bits.se()?; // slice_qp_delta
    // disable_deblocking_filter_idc
    if pps.deblocking_filter_control_present && bits.ue_to(2)? != 1 {
        bits.se()?; // slice_alpha_c0_offset_div2
        bits.se()?; // slice_beta_offset_div2
    }
    Ok(())
}
