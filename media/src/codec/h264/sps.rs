//! Sequence parameter sets (7.3.2.1, 7.4.2.1), up to the colour description of
//! the VUI (E.1.1).

use crate::MediaError;
use crate::codec::bits::BitReader;
use crate::codec::nal::{MAX_PARAMETER_SET, remove_emulation_prevention};
use crate::codec::picture_format::{ColourDescription, CropUnit, PictureFormat, PictureSize};

/// How slice headers give the picture order count: `pic_order_cnt_type`
/// (8.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PicOrderCntType {
    /// Type 0: by its least significant bits.
    Lsb {
        /// Bits of `pic_order_cnt_lsb`, 4 to 16.
        bits: u32,
    },
    /// Type 1: by an expected cycle and the difference of each picture from it.
    Cycle,
    /// Type 2: output order is decoding order.
    DecodingOrder,
}

/// The syntax elements of a sequence parameter set that the smart cut uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct H264Sps {
    /// `seq_parameter_set_id`, 0 to 31.
    pub id: u8,
    /// `profile_idc`.
    pub profile_idc: u8,
    /// Format of the decoded pictures.
    pub format: PictureFormat,
    /// Bits of `frame_num`, 4 to 16: `log2_max_frame_num_minus4 + 4`.
    pub frame_num_bits: u32,
    /// `pic_order_cnt_type`.
    pub pic_order_cnt_type: PicOrderCntType,
    /// `max_num_ref_frames`.
    pub max_num_ref_frames: u32,
    /// `gaps_in_frame_num_value_allowed_flag`.
    pub frame_num_gaps_allowed: bool,
    /// `separate_colour_plane_flag`.
    pub separate_colour_planes: bool,
    /// `frame_mbs_only_flag`: there are no fields.
    pub frame_mbs_only: bool,
    /// Colour description of the VUI.
    pub colour: ColourDescription,
}

impl H264Sps {
    /// Reads a NAL unit, header included.
    ///
    /// # Errors
    /// `Damaged` when it is no sequence parameter set; `Unsupported` when luma
    /// and chroma have different bit depths.
    pub fn parse(unit: &[u8]) -> Result<H264Sps, MediaError> {
        let unit = unit.get(..unit.len().min(MAX_PARAMETER_SET)).unwrap_or_default();
        let rbsp = remove_emulation_prevention(unit);
        let mut bits = BitReader::new(&rbsp);
        bits.skip(8)?;
        let profile_idc = bits.bits(8)? as u8;
        bits.skip(16)?; // constraint flags, level_idc
        let id = bits.ue_to(31)? as u8;
        let sampling = Sampling::read(&mut bits, profile_idc)?;
        let frame_num_bits = bits.ue_to(12)? + 4;
        let pic_order_cnt_type = PicOrderCntType::read(&mut bits)?;
        let max_num_ref_frames = bits.ue_to(16)?;
        let frame_num_gaps_allowed = bits.bit()?;
        let columns = bits.ue_to(4095)? + 1;
        let rows = bits.ue_to(4095)? + 1;
        let frame_mbs_only = bits.bit()?;
        if !frame_mbs_only {
            bits.bit()?; // mb_adaptive_frame_field_flag
        }
        bits.bit()?; // direct_8x8_inference_flag
        let fields = if frame_mbs_only { 1 } else { 2 };
        let mut size = PictureSize { width: columns * 16, height: rows * 16 * fields };
        // frame_cropping_flag
        if bits.bit()? {
            let mut unit = CropUnit::new(sampling.chroma_format, sampling.separate_planes);
            unit.height *= fields;
            size = size.crop(&mut bits, unit)?;
        }
        let colour = if bits.bit()? {
            ColourDescription::read_vui(&mut bits)?
        } else {
            ColourDescription::UNSPECIFIED
        };
        let Sampling { chroma_format, separate_planes, bit_depth } = sampling;
        Ok(H264Sps {
            id,
            profile_idc,
            format: PictureFormat { size, chroma_format, bit_depth },
            frame_num_bits,
            pic_order_cnt_type,
            max_num_ref_frames,
            frame_num_gaps_allowed,
            separate_colour_planes: separate_planes,
            frame_mbs_only,
            colour,
        })
    }
}

/// How samples are stored, which only the high profiles say.
struct Sampling {
    chroma_format: u8,
    separate_planes: bool,
    bit_depth: u8,
}

impl Sampling {
    fn read(bits: &mut BitReader<'_>, profile_idc: u8) -> Result<Sampling, MediaError> {
        if !matches!(
            profile_idc,
            44 | 83 | 86 | 100 | 110 | 118 | 122 | 128 | 134 | 135 | 138 | 139 | 244
        ) {
            return Ok(Sampling { chroma_format: 1, separate_planes: false, bit_depth: 8 });
        }
        let chroma_format = bits.ue_to(3)? as u8;
        let separate_planes = chroma_format == 3 && bits.bit()?;
        let bit_depth = 8 + bits.ue_to(6)? as u8;
        let chroma_bit_depth = 8 + bits.ue_to(6)? as u8;
        if chroma_format != 0 && chroma_bit_depth != bit_depth {
            return Err(MediaError::unsupported("luma and chroma of different depths"));
        }
        bits.bit()?; // qpprime_y_zero_transform_bypass_flag
        if bits.bit()? {
            skip_scaling_lists(bits, chroma_format)?;
        }
        Ok(Sampling { chroma_format, separate_planes, bit_depth })
    }
}

impl PicOrderCntType {
    fn read(bits: &mut BitReader<'_>) -> Result<PicOrderCntType, MediaError> {
        Ok(match bits.ue_to(2)? {
            0 => PicOrderCntType::Lsb { bits: bits.ue_to(12)? + 4 },
            1 => {
                bits.bit()?; // delta_pic_order_always_zero_flag
                bits.se()?; // offset_for_non_ref_pic
                bits.se()?; // offset_for_top_to_bottom_field
                for _ in 0..bits.ue_to(255)? {
                    bits.se()?; // offset_for_ref_frame
                }
                PicOrderCntType::Cycle
            }
            _ => PicOrderCntType::DecodingOrder,
        })
    }
}

/// Skips the scaling lists of a sequence parameter set (7.3.2.1.1.1).
fn skip_scaling_lists(bits: &mut BitReader<'_>, chroma_format: u8) -> Result<(), MediaError> {
    for list in 0..if chroma_format == 3 { 12 } else { 8 } {
        if !bits.bit()? {
            continue;
        }
        let mut next = 8;
        let mut last = 8;
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                next = (last + bits.se()?).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
    }
    Ok(())
}
