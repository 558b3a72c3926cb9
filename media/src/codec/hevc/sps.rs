//! Sequence parameter sets (7.3.2.2, 7.4.3.2), up to the colour description of
//! the VUI (E.2.1).

use crate::MediaError;
use crate::codec::bits::BitReader;
use crate::codec::nal::{MAX_PARAMETER_SET, remove_emulation_prevention};
use crate::codec::picture_format::{ColourDescription, CropUnit, PictureFormat, PictureSize};

/// The syntax elements of a sequence parameter set that the smart cut uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HevcSps {
    /// `sps_video_parameter_set_id`, 0 to 15.
    pub vps_id: u8,
    /// `sps_seq_parameter_set_id`, 0 to 15.
    pub id: u8,
    /// `general_profile_idc`.
    pub profile_idc: u8,
    /// Pictures are fields, or may be: `general_interlaced_source_flag` without
    /// `general_progressive_source_flag`.
    pub interlaced: bool,
    /// Format of the decoded pictures.
    pub format: PictureFormat,
    /// Colour description of the VUI.
    pub colour: ColourDescription,
    /// Where `sps_seq_parameter_set_id` is, in bits from the first bit of the NAL
    /// unit without emulation prevention.
    pub(super) id_position: usize,
}

impl HevcSps {
    /// Reads a NAL unit, header included.
    ///
    /// # Errors
    /// `Damaged` when it is no sequence parameter set; `Unsupported` when luma
    /// and chroma have different bit depths.
    pub fn parse(unit: &[u8]) -> Result<HevcSps, MediaError> {
        let unit = unit.get(..unit.len().min(MAX_PARAMETER_SET)).unwrap_or_default();
        HevcSps::parse_rbsp(&remove_emulation_prevention(unit))
    }

    /// Reads a NAL unit, header included, without emulation prevention.
    pub(super) fn parse_rbsp(rbsp: &[u8]) -> Result<HevcSps, MediaError> {
        let mut bits = BitReader::new(rbsp);
        bits.skip(16)?;
        let vps_id = bits.bits(4)? as u8;
        let max_sub_layers_minus1 = bits.bits(3)?;
        bits.bit()?; // sps_temporal_id_nesting_flag
        bits.skip(3)?; // general_profile_space, general_tier_flag
        let profile_idc = bits.bits(5)? as u8;
        bits.skip(32)?; // general_profile_compatibility_flags
        let (progressive_source, interlaced_source) = (bits.bit()?, bits.bit()?);
        bits.skip(46)?; // other constraint flags
        bits.skip(8)?; // general_level_idc
        skip_sub_layers(&mut bits, max_sub_layers_minus1)?;
        let id_position = bits.position();
        let id = bits.ue_to(15)? as u8;
        let chroma_format = bits.ue_to(3)? as u8;
        let separate_colour_planes = chroma_format == 3 && bits.bit()?;
        let mut size = PictureSize { width: bits.ue_to(65_535)?, height: bits.ue_to(65_535)? };
        // conformance_window_flag
        if bits.bit()? {
            size = size.crop(&mut bits, CropUnit::new(chroma_format, separate_colour_planes))?;
        }
        let bit_depth = 8 + bits.ue_to(8)? as u8;
        if 8 + bits.ue_to(8)? as u8 != bit_depth && chroma_format != 0 {
            return Err(MediaError::unsupported("luma and chroma of different depths"));
        }
        skip_to_vui(&mut bits, max_sub_layers_minus1)?;
        let colour = if bits.bit()? {
            ColourDescription::read_vui(&mut bits)?
        } else {
            ColourDescription::UNSPECIFIED
        };
        Ok(HevcSps {
            vps_id,
            id,
            profile_idc,
            interlaced: interlaced_source && !progressive_source,
            format: PictureFormat { size, chroma_format, bit_depth },
            colour,
            id_position,
        })
    }
}

/// Skips what `profile_tier_level` says of sub-layers (7.3.3).
fn skip_sub_layers(bits: &mut BitReader<'_>, max_sub_layers_minus1: u32) -> Result<(), MediaError> {
    let mut length = 0;
    for _ in 0..max_sub_layers_minus1 {
        // sub_layer_profile_present_flag, sub_layer_level_present_flag
        length += if bits.bit()? { 88 } else { 0 };
        length += if bits.bit()? { 8 } else { 0 };
    }
    if max_sub_layers_minus1 > 0 {
        bits.skip(2 * (8 - max_sub_layers_minus1 as usize))?;
    }
    bits.skip(length)
}

/// Skips the syntax elements between the bit depths and
/// `vui_parameters_present_flag`.
fn skip_to_vui(bits: &mut BitReader<'_>, max_sub_layers_minus1: u32) -> Result<(), MediaError> {
    let pic_order_cnt_bits = 4 + bits.ue_to(12)? as usize;
    // sps_sub_layer_ordering_info_present_flag
    let sub_layers = if bits.bit()? { max_sub_layers_minus1 + 1 } else { 1 };
    for _ in 0..sub_layers {
        bits.ue()?; // sps_max_dec_pic_buffering_minus1
        bits.ue()?; // sps_max_num_reorder_pics
        bits.ue()?; // sps_max_latency_increase_plus1
    }
    // Sizes of coding and transform blocks, depths of the transform hierarchy.
    for _ in 0..6 {
        bits.ue()?;
    }
    // scaling_list_enabled_flag, sps_scaling_list_data_present_flag
    if bits.bit()? && bits.bit()? {
        skip_scaling_lists(bits)?;
    }
    bits.skip(2)?; // amp_enabled_flag, sample_adaptive_offset_enabled_flag
    // pcm_enabled_flag
    if bits.bit()? {
        bits.skip(8)?; // bit depths of PCM samples
        bits.ue()?;
        bits.ue()?;
        bits.bit()?; // pcm_loop_filter_disabled_flag
    }
    let mut num_delta_pocs = 0;
    for index in 0..bits.ue_to(64)? {
        num_delta_pocs = skip_short_term_ref_pic_set(bits, index > 0, num_delta_pocs)?;
    }
    // long_term_ref_pics_present_flag
    if bits.bit()? {
        for _ in 0..bits.ue_to(32)? {
            bits.skip(pic_order_cnt_bits + 1)?;
        }
    }
    bits.skip(2) // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
}

/// Skips `scaling_list_data` (7.3.4).
fn skip_scaling_lists(bits: &mut BitReader<'_>) -> Result<(), MediaError> {
    for size in 0..4 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !bits.bit()? {
                bits.ue()?;
                continue;
            }
            let first = usize::from(size > 1);
            for _ in 0..first + if size == 0 { 16 } else { 64 } {
                bits.se()?;
            }
        }
    }
    Ok(())
}

/// Maximum number of pictures in a set: 16 in either direction.
const MAX_DELTA_POCS: u32 = 32;

/// Skips `st_ref_pic_set` (7.3.7) and returns how many pictures are in it
/// (`NumDeltaPocs`). A set that is not the first one may be predicted from the
/// one before it, of `previous` pictures.
fn skip_short_term_ref_pic_set(
    bits: &mut BitReader<'_>,
    is_predictable: bool,
    previous: u32,
) -> Result<u32, MediaError> {
    let mut count = 0;
    // inter_ref_pic_set_prediction_flag
    if is_predictable && bits.bit()? {
        bits.bit()?; // delta_rps_sign
        bits.ue()?; // abs_delta_rps_minus1
        for _ in 0..=previous {
            // used_by_curr_pic_flag, or else use_delta_flag
            count += u32::from(bits.bit()? || bits.bit()?);
        }
    } else {
        let (negative, positive) = (bits.ue_to(16)?, bits.ue_to(16)?);
        count = negative + positive;
        for _ in 0..count {
            bits.ue()?; // delta_poc_minus1
            bits.bit()?; // used_by_curr_pic_flag
        }
    }
    if count > MAX_DELTA_POCS {
        return Err(MediaError::damaged("a parameter set with too many references"));
    }
    Ok(count)
}
