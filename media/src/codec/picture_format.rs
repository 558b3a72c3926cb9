//! What sequence parameter sets of H.264 and HEVC say of decoded pictures, in
//! the same syntax: their size after cropping, chroma format, bit depth, and the
//! colour description of the video usability information (VUI).

use super::bits::BitReader;
use crate::MediaError;

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureSize {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// The format of decoded pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureFormat {
    /// Size after cropping.
    pub size: PictureSize,
    /// `chroma_format_idc`: 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format: u8,
    /// Bits of a luma sample.
    pub bit_depth: u8,
}

/// How many pixels a cropping offset of 1 cuts away (`CropUnitX`, `CropUnitY`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct CropUnit {
    pub width: u32,
    pub height: u32,
}

impl CropUnit {
    /// The unit of frames; grey pictures and separate colour planes have no
    /// subsampled chroma.
    pub fn new(chroma_format: u8, separate_colour_planes: bool) -> CropUnit {
        match (chroma_format, separate_colour_planes) {
            (1, _) => CropUnit { width: 2, height: 2 },
            (2, _) => CropUnit { width: 2, height: 1 },
            _ => CropUnit { width: 1, height: 1 },
        }
    }
}

impl PictureSize {
    /// Reads the four cropping offsets (ITU-T H.264, 7.4.2.1.1; H.265,
    /// 7.4.3.2.1): left, right, top, bottom.
    ///
    /// # Errors
    /// `Damaged` when nothing is left of the picture.
    pub(crate) fn crop(
        self,
        bits: &mut BitReader<'_>,
        unit: CropUnit,
    ) -> Result<PictureSize, MediaError> {
        let mut offsets = || Ok::<u32, MediaError>(bits.ue_to(65_535)? + bits.ue_to(65_535)?);
        let rest = |size: u32, cut: u32| {
            let rest = size.checked_sub(cut).filter(|rest| *rest > 0);
            rest.ok_or_else(|| MediaError::damaged("a cropping rectangle without pixels"))
        };
        let width = rest(self.width, offsets()? * unit.width)?;
        let height = rest(self.height, offsets()? * unit.height)?;
        Ok(PictureSize { width, height })
    }
}

/// Code 2 of the colour description, "unspecified".
const UNSPECIFIED: u8 = 2;

/// How sample values become colours (ITU-T H.264, E.2.1; H.265, E.3.1). Where
/// the VUI says nothing, the codes are 2, "unspecified", and the range is the
/// narrow one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColourDescription {
    /// `video_full_range_flag`: samples use all values from 0 to the highest.
    pub full_range: bool,
    /// `colour_primaries`.
    pub primaries: u8,
    /// `transfer_characteristics`.
    pub transfer: u8,
    /// `matrix_coefficients`.
    pub matrix: u8,
}

impl ColourDescription {
    /// What holds when the VUI says nothing.
    pub const UNSPECIFIED: ColourDescription = ColourDescription {
        full_range: false,
        primaries: UNSPECIFIED,
        transfer: UNSPECIFIED,
        matrix: UNSPECIFIED,
    };

    /// Whether streams of both can be one stream: what both specify is equal.
    pub fn is_compatible_with(&self, other: &ColourDescription) -> bool {
        let same = |own: u8, other: u8| own == other || own == UNSPECIFIED || other == UNSPECIFIED;
        self.full_range == other.full_range
            && same(self.primaries, other.primaries)
            && same(self.transfer, other.transfer)
            && same(self.matrix, other.matrix)
    }

    /// Reads `vui_parameters` from their first bit up to the colour description.
    ///
    /// # Errors
    /// `Damaged` at the end.
    pub(crate) fn read_vui(bits: &mut BitReader<'_>) -> Result<ColourDescription, MediaError> {
        // aspect_ratio_idc 255 is followed by the width and height of a pixel.
        if bits.bit()? && bits.bits(8)? == 255 {
            bits.skip(32)?;
        }
        // overscan_info_present_flag, overscan_appropriate_flag
        if bits.bit()? {
            bits.bit()?;
        }
        let mut colour = ColourDescription::UNSPECIFIED;
        // video_signal_type_present_flag, video_format
        if bits.bit()? {
            bits.skip(3)?;
            colour.full_range = bits.bit()?;
            if bits.bit()? {
                colour.primaries = bits.bits(8)? as u8;
                colour.transfer = bits.bits(8)? as u8;
                colour.matrix = bits.bits(8)? as u8;
            }
        }
        Ok(colour)
    }
}
