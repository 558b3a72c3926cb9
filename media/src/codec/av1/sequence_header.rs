//! The sequence header (5.5, 6.4), up to the chroma format.

use crate::MediaError;
use crate::codec::bits::BitReader;
use crate::codec::picture_format::PictureSize;

/// The syntax elements of a sequence header that the smart cut compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Av1SequenceHeader {
    /// `seq_profile`: 0 main, 1 high, 2 professional.
    pub profile: u8,
    /// `BitDepth`.
    pub bit_depth: u8,
    /// `mono_chrome`: there is no chroma.
    pub monochrome: bool,
    /// `operating_points_cnt_minus_1 + 1`; more than 1 in scalable streams.
    pub operating_points: u8,
    /// `max_frame_width_minus_1 + 1` and `max_frame_height_minus_1 + 1`.
    pub max_size: PictureSize,
}

impl Av1SequenceHeader {
    /// Reads the payload of a sequence header OBU.
    ///
    /// # Errors
    /// `Damaged` when it is no sequence header; `Unsupported` for still pictures.
    pub fn parse(payload: &[u8]) -> Result<Av1SequenceHeader, MediaError> {
        let mut bits = BitReader::new(payload);
        let profile = bits.bits(3)? as u8;
        bits.bit()?; // still_picture
        // reduced_still_picture_header
        if bits.bit()? {
            return Err(MediaError::unsupported("a still picture in AV1"));
        }
        let operating_points = read_operating_points(&mut bits)?;
        let (width_bits, height_bits) = (bits.bits(4)? + 1, bits.bits(4)? + 1);
        let (width, height) = (bits.bits(width_bits)? + 1, bits.bits(height_bits)? + 1);
        let max_size = PictureSize { width, height };
        // frame_id_numbers_present_flag
        if bits.bit()? {
            bits.skip(7)?;
        }
        skip_coding_tools(&mut bits)?;
        // color_config() (5.5.2)
        let high_bitdepth = bits.bit()?;
        let bit_depth = if !high_bitdepth {
            8
        } else if profile == 2 && bits.bit()? {
            12
        } else {
            10
        };
        let monochrome = profile != 1 && bits.bit()?;
        Ok(Av1SequenceHeader { profile, bit_depth, monochrome, operating_points, max_size })
    }
}

/// Reads timing, decoder model and operating points, and returns the number of
/// these.
fn read_operating_points(bits: &mut BitReader<'_>) -> Result<u8, MediaError> {
    let mut buffer_delay_bits = None;
    // timing_info_present_flag
    if bits.bit()? {
        bits.skip(64)?; // num_units_in_display_tick, time_scale
        // equal_picture_interval
        if bits.bit()? {
            bits.ue()?; // num_ticks_per_picture_minus_1, uvlc()
        }
        // decoder_model_info_present_flag
        if bits.bit()? {
            buffer_delay_bits = Some(bits.bits(5)? as usize + 1);
            bits.skip(42)?;
        }
    }
    let initial_display_delay_present = bits.bit()?;
    let operating_points = bits.bits(5)? as u8 + 1;
    for _ in 0..operating_points {
        bits.skip(12)?; // operating_point_idc
        // seq_level_idx
        if bits.bits(5)? > 7 {
            bits.skip(1)?; // seq_tier
        }
        if let Some(buffer_delay_bits) = buffer_delay_bits
            && bits.bit()?
        {
            bits.skip(2 * buffer_delay_bits + 1)?;
        }
        if initial_display_delay_present && bits.bit()? {
            bits.skip(4)?;
        }
    }
    Ok(operating_points)
}

/// Skips the flags of coding tools, from `use_128x128_superblock` to
/// `enable_restoration`.
fn skip_coding_tools(bits: &mut BitReader<'_>) -> Result<(), MediaError> {
    // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
    bits.skip(3)?;
    // enable_interintra_compound, enable_masked_compound, enable_warped_motion,
    // enable_dual_filter
    bits.skip(4)?;
    let enable_order_hint = bits.bit()?;
    if enable_order_hint {
        bits.skip(2)?; // enable_jnt_comp, enable_ref_frame_mvs
    }
    // seq_choose_screen_content_tools, or else seq_force_screen_content_tools
    let may_force_screen_content_tools = bits.bit()? || bits.bit()?;
    // seq_choose_integer_mv, or else seq_force_integer_mv
    if may_force_screen_content_tools && !bits.bit()? {
        bits.skip(1)?;
    }
    if enable_order_hint {
        bits.skip(3)?; // order_hint_bits_minus_1
    }
    bits.skip(3) // enable_superres, enable_cdef, enable_restoration
}
