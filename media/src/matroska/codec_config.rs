//! Configurations of decoders that Matroska leaves out or stores in its own way.

use crate::codec::vpx::{Vp9KeyframeHeader, Vp9Subsampling};
use crate::{CodecId, Track};

/// Turns what Matroska has as `CodecPrivate` into what a [`Track`] has.
/// `keyframe` is the start of the first keyframe.
pub fn complete_codec_config(track: &mut Track, keyframe: &[u8]) {
    match track.codec {
        CodecId::Vp9 => {
            let level = vp9_feature(&track.config, VP9_LEVEL);
            let config = vpcc_content(keyframe, level, track.width, track.height);
            track.config = config.unwrap_or_default();
        }
        CodecId::Aac if track.config.is_empty() => {
            track.config =
                audio_specific_config(track.sample_rate, track.channels).unwrap_or_default();
        }
        _ => {}
    }
}

/// The ID of the level among the features of VP9.
const VP9_LEVEL: u8 = 2;

/// One of the features in the `CodecPrivate` of VP9: triples of ID, length and
/// value (WebM container guidelines, "VP9 Codec Feature Metadata").
fn vp9_feature(private: &[u8], id: u8) -> Option<u8> {
    private
        .as_chunks::<3>()
        .0
        .iter()
        .find(|chunk| chunk[0] == id && chunk[1] == 1)
        .map(|chunk| chunk[2])
}

/// The content of `vpcC` ("VP Codec ISO Media File Format Binding", 2.2) by the
/// header of a keyframe; none when there is none.
fn vpcc_content(keyframe: &[u8], level: Option<u8>, width: u32, height: u32) -> Option<Vec<u8>> {
    let header = Vp9KeyframeHeader::parse(keyframe).ok()??;
    let Vp9KeyframeHeader { profile, bit_depth, color, .. } = header;
    let Vp9Subsampling { horizontal, vertical } = color.subsampling;
    // Chroma beside luma, as encoders place it that do not tell.
    let chroma = match (horizontal, vertical) {
        (true, true) => 1,
        (true, false) => 2,
        (false, _) => 3,
    };
    // Primaries, transfer and matrix of ISO/IEC 23091-2.
    let colour = match color.space {
        1 | 3 => [6, 6, 6],
        2 => [1, 1, 1],
        4 => [7, 7, 7],
        5 => [9, 14, 9],
        7 => [1, 13, 0],
        _ => [2, 2, 2],
    };
    let level = level.unwrap_or_else(|| least_vp9_level(width, height));
    let depth_chroma_range = bit_depth << 4 | chroma << 1 | u8::from(color.is_full_range);
    let mut config = vec![1, 0, 0, 0, profile, level, depth_chroma_range];
    config.extend(colour);
    config.extend([0, 0]);
    Some(config)
}

/// The least level of VP9 that allows frames of this size, at 60 frames per second
/// or fewer.
fn least_vp9_level(width: u32, height: u32) -> u8 {
    let size = u64::from(width) * u64::from(height);
    let levels = [
        (36_864, 10),
        (73_728, 11),
        (122_880, 20),
        (245_760, 21),
        (552_960, 31),
        (983_040, 40),
        (2_228_224, 41),
        (8_912_896, 51),
    ];
    levels.iter().find(|level| size <= level.0).map_or(61, |level| level.1)
}

/// The `AudioSpecificConfig` (ISO/IEC 14496-3, 1.6.2.1) of AAC "low complexity".
fn audio_specific_config(rate: u32, channels: u16) -> Option<Vec<u8>> {
    const RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
        8_000, 7_350,
    ];
    let rate = u16::try_from(RATES.iter().position(|known| *known == rate)?).ok()?;
    let channels = match channels {
        1..=6 => channels,
        8 => 7,
        _ => return None,
    };
    Some((2_u16 << 11 | rate << 7 | channels << 3).to_be_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_keyframe_of_vp9_tells_its_profile_and_depth() {
        // Profile 0, keyframe, shown, sync code, BT.709, studio range.
        let frame = [0x82, 0x49, 0x83, 0x42, 0x40, 0x13, 0xf0, 0x0b, 0x30, 0];
        let made = vpcc_content(&frame, None, 320, 180).unwrap();
        assert_eq!(made, [1, 0, 0, 0, 0, 11, 0x82, 1, 1, 1, 0, 0]);
        // Not a keyframe; too short; something else.
        assert_eq!(
            vpcc_content(&[0x86, 0x49, 0x83, 0x42, 0x40, 0x13, 0xf0, 0x0b, 0x30, 0], None, 1, 1),
            None
        );
        assert_eq!(vpcc_content(&frame[..4], None, 1, 1), None);
        assert_eq!(vpcc_content(&[0; 8], None, 1, 1), None);
    }

    #[test]
    fn plain_aac_is_told_by_rate_and_channels() {
        assert_eq!(audio_specific_config(48_000, 2).unwrap(), [0x11, 0x90]);
        assert_eq!(audio_specific_config(44_101, 2), None);
        assert_eq!(audio_specific_config(44_100, 9), None);
    }
}
