//! `TrackEntry` (RFC 9559, 5.1.4.1), writing.

use clipmill_core::Timescale;

use super::ebml::{element, float, master, unsigned};
use crate::matroska::ids;
use crate::matroska::timestamp_grid::find_grid;
use crate::mux::OutTrack;
use crate::track::UPRIGHT;
use crate::{CodecId, MediaError, Track, TrackKind};

/// Nanoseconds that a decoder of Opus needs to settle (RFC 7845, 4.6).
const OPUS_SEEK_PRE_ROLL: u64 = 80_000_000;

/// Whether these tracks may be in WebM.
pub fn fits_webm(tracks: &[OutTrack]) -> bool {
    tracks.iter().all(|out| {
        matches!(
            out.track.codec,
            CodecId::Vp8 | CodecId::Vp9 | CodecId::Av1 | CodecId::Opus | CodecId::Vorbis
        )
    })
}

/// Nanoseconds of an audio track that are decoded, but not presented.
pub fn codec_delay_nanos(out: &OutTrack) -> u64 {
    if out.track.kind == TrackKind::Video {
        return 0;
    }
    let skipped = out.start.min(0).saturating_neg();
    out.track.timescale.rescale(skipped, Timescale::NANOS).unsigned_abs()
}

/// The `TrackEntry` of a track.
///
/// # Errors
/// When its codec can't be in Matroska, or lacks what it needs.
pub fn track_entry(out: &OutTrack, number: u64) -> Result<Vec<u8>, MediaError> {
    let track = &out.track;
    let is_video = track.kind == TrackKind::Video;
    let mut made = vec![
        unsigned(ids::TRACK_NUMBER, number),
        unsigned(ids::TRACK_UID, number),
        unsigned(ids::TRACK_TYPE, if is_video { 1 } else { 2 }),
        unsigned(ids::FLAG_LACING, 0),
        element(ids::LANGUAGE, &track.language),
        element(ids::CODEC_ID, codec_id(&track.codec)?.as_bytes()),
    ];
    let private = codec_private(out)?;
    if !private.is_empty() {
        made.push(element(ids::CODEC_PRIVATE, &private));
    }
    if is_video {
        made.extend(frame_nanos(out).map(|nanos| unsigned(ids::DEFAULT_DURATION, nanos)));
        made.push(master(ids::VIDEO, &video_settings(track)));
    } else {
        if codec_delay_nanos(out) > 0 {
            made.push(unsigned(ids::CODEC_DELAY, codec_delay_nanos(out)));
        }
        if track.codec == CodecId::Opus {
            made.push(unsigned(ids::SEEK_PRE_ROLL, OPUS_SEEK_PRE_ROLL));
        }
        let rate = if track.codec == CodecId::Opus { 48_000 } else { track.sample_rate };
        made.push(master(
            ids::AUDIO,
            &[
                float(ids::SAMPLING_FREQUENCY, f64::from(rate)),
                unsigned(ids::CHANNELS, u64::from(track.channels)),
            ],
        ));
    }
    Ok(master(ids::TRACK_ENTRY, &made))
}

/// Nanoseconds of a frame, if all frames are equally long and none is missing.
fn frame_nanos(out: &OutTrack) -> Option<u64> {
    let pts: Vec<i64> = out.samples.iter().map(|sample| sample.pts).collect();
    let grid = find_grid(&out.track, &pts).filter(|grid| grid.complete)?;
    u64::try_from(grid.timescale.rescale(grid.frame_ticks.into(), Timescale::NANOS)).ok()
}

/// `CodecID`.
fn codec_id(codec: &CodecId) -> Result<&str, MediaError> {
    Ok(match codec {
        CodecId::H264 => "V_MPEG4/ISO/AVC",
        CodecId::Hevc => "V_MPEGH/ISO/HEVC",
        CodecId::Vp8 => "V_VP8",
        CodecId::Vp9 => "V_VP9",
        CodecId::Av1 => "V_AV1",
        CodecId::Aac => "A_AAC",
        CodecId::Opus => "A_OPUS",
        CodecId::Vorbis => "A_VORBIS",
        CodecId::Mp3 => "A_MPEG/L3",
        CodecId::Flac => "A_FLAC",
        CodecId::Ac3 => "A_AC3",
        CodecId::Eac3 => "A_EAC3",
        CodecId::Other(name) if name.starts_with("V_") || name.starts_with("A_") => name,
        CodecId::Other(name) => {
            return Err(MediaError::unsupported(format!("{name:?} has no name in Matroska")));
        }
    })
}

/// `CodecPrivate`; empty when there is none.
fn codec_private(out: &OutTrack) -> Result<Vec<u8>, MediaError> {
    let config = &out.track.config;
    match out.track.codec {
        CodecId::Vp8 => Ok(Vec::new()),
        CodecId::Vp9 => Ok(vp9_features(config)),
        CodecId::Opus => opus_head(out),
        CodecId::H264 | CodecId::Hevc | CodecId::Av1 | CodecId::Aac | CodecId::Vorbis
            if config.is_empty() =>
        {
            Err(MediaError::unsupported("a track without its decoder's configuration"))
        }
        _ => Ok(config.clone()),
    }
}

/// Features of VP9, after the content of its `vpcC`: profile, level if it is
/// known, bits, chroma.
fn vp9_features(config: &[u8]) -> Vec<u8> {
    let [_, _, _, _, profile, level, bits, ..] = *config else { return Vec::new() };
    let mut made = vec![1, 1, profile];
    if level > 0 {
        made.extend([2, 1, level]);
    }
    made.extend([3, 1, bits >> 4, 4, 1, bits >> 1 & 7]);
    made
}

/// The identification header of Opus, skipping exactly what is not presented.
fn opus_head(out: &OutTrack) -> Result<Vec<u8>, MediaError> {
    let track = &out.track;
    let mut head = track.config.clone();
    if head.len() < 19 || !head.starts_with(b"OpusHead") {
        let channels =
            u8::try_from(track.channels).ok().filter(|channels| (1..=2).contains(channels));
        let channels =
            channels.ok_or_else(|| MediaError::unsupported("Opus without its header"))?;
        head = b"OpusHead\x01".to_vec();
        head.push(channels);
        head.extend([0; 2]);
        head.extend(48_000_u32.to_le_bytes());
        head.extend([0; 3]);
    }
    let samples = (u128::from(codec_delay_nanos(out)) * 48 + 500_000) / 1_000_000;
    let samples = u16::try_from(samples).unwrap_or(u16::MAX);
    if let Some(skip) = head.get_mut(10..12) {
        skip.copy_from_slice(&samples.to_le_bytes());
    }
    Ok(head)
}

/// The content of `Video`.
fn video_settings(track: &Track) -> Vec<Vec<u8>> {
    let mut made = vec![
        unsigned(ids::PIXEL_WIDTH, u64::from(track.width)),
        unsigned(ids::PIXEL_HEIGHT, u64::from(track.height)),
    ];
    let (wide, high) = track.pixel_aspect;
    if wide != high && wide > 0 && high > 0 {
        let wide = u64::from(track.width) * u64::from(wide);
        let shown = (wide + u64::from(high / 2)) / u64::from(high);
        made.push(unsigned(ids::DISPLAY_WIDTH, shown.max(1)));
        made.push(unsigned(ids::DISPLAY_HEIGHT, u64::from(track.height)));
    }
    if let Some(roll) = roll_degrees(&track.matrix) {
        made.push(master(
            ids::PROJECTION,
            &[
                unsigned(ids::PROJECTION_TYPE, 0),
                float(ids::POSE_YAW, 0.0),
                float(ids::POSE_PITCH, 0.0),
                float(ids::POSE_ROLL, roll),
            ],
        ));
    }
    made
}

/// Counter-clockwise degrees that a matrix rotates by; none for anything but
/// multiples of 90.
fn roll_degrees(matrix: &[i32; 9]) -> Option<f64> {
    if matrix == &UPRIGHT {
        return None;
    }
    let sign = |value: i32| value.signum();
    match [sign(matrix[0]), sign(matrix[1]), sign(matrix[3]), sign(matrix[4])] {
        [0, -1, 1, 0] => Some(90.0),
        [-1, 0, 0, -1] => Some(180.0),
        [0, 1, -1, 0] => Some(-90.0),
        _ => None,
    }
}
