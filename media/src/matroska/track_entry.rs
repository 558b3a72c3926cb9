//! `Tracks` (RFC 9559, 5.1.4), reading: what a file says of its tracks.

use clipmill_core::Timescale;

use super::ebml::{children, parse_float, parse_text, parse_unsigned};
use super::ids;
use crate::track::UPRIGHT;
use crate::{CodecId, MediaError, Track, TrackKind};

/// Most tracks of a file.
const TRACKS: usize = 64;

/// A video or audio track, and what only Matroska says of it.
#[derive(Debug, Clone)]
pub struct TrackEntry {
    /// The track, without samples; its time scale is that of the segment.
    pub track: Track,
    /// Nanoseconds of each frame, if that is always the same: `DefaultDuration`.
    pub frame_duration: Option<u64>,
    /// Nanoseconds that are subtracted from each time stamp: `CodecDelay`.
    pub codec_delay: u64,
}

/// The video and audio tracks of a `Tracks` element. `scale` is the segment's,
/// nanoseconds.
///
/// # Errors
/// When it contradicts itself, or a track is encrypted or compressed once more.
pub fn parse_tracks(content: &[u8], scale: u64) -> Result<Vec<TrackEntry>, MediaError> {
    let mut found: Vec<TrackEntry> = Vec::new();
    let mut count = 0;
    for child in children(content) {
        let (id, content) = child?;
        if id != ids::TRACK_ENTRY {
            continue;
        }
        count += 1;
        if count > TRACKS {
            return Err(MediaError::too_large("more than 64 tracks"));
        }
        if let Some(entry) = parse_track_entry(content, segment_timescale(scale))? {
            if found.iter().any(|other| other.track.id == entry.track.id) {
                return Err(MediaError::damaged("two tracks have one number"));
            }
            found.push(entry);
        }
    }
    Ok(found)
}

/// The ticks of the segment if a second has a whole number of them, else
/// microseconds.
fn segment_timescale(scale: u64) -> Timescale {
    let ticks = 1_000_000_000_u64.checked_div(scale).unwrap_or(0);
    let is_whole = ticks.saturating_mul(scale) == 1_000_000_000;
    let timescale = u32::try_from(ticks).ok().filter(|_| is_whole).and_then(Timescale::new);
    timescale.unwrap_or(Timescale::MICROS)
}

/// One `TrackEntry`; none when it is neither video nor audio.
fn parse_track_entry(
    content: &[u8],
    timescale: Timescale,
) -> Result<Option<TrackEntry>, MediaError> {
    let track = Track { language: *b"eng", ..Track::empty(TrackKind::Video, timescale) };
    let mut entry = TrackEntry { track, frame_duration: None, codec_delay: 0 };
    let track = &mut entry.track;
    let (mut kind, mut codec_id, mut is_encoded) = (0, String::new(), false);
    for child in children(content) {
        let (id, content) = child?;
        match id {
            ids::TRACK_NUMBER => track.id = u32::try_from(parse_unsigned(content)?).unwrap_or(0),
            ids::TRACK_TYPE => kind = parse_unsigned(content)?,
            ids::CODEC_ID => codec_id = parse_text(content),
            ids::CODEC_PRIVATE => track.config = content.to_vec(),
            ids::LANGUAGE => track.language = parse_language(content),
            ids::DEFAULT_DURATION => {
                entry.frame_duration = Some(parse_unsigned(content)?).filter(|nanos| *nanos > 0);
            }
            ids::CODEC_DELAY => entry.codec_delay = parse_unsigned(content)?,
            ids::CONTENT_ENCODINGS => is_encoded = true,
            ids::VIDEO => parse_video(content, track)?,
            ids::AUDIO => parse_audio(content, track)?,
            _ => {}
        }
    }
    track.kind = match kind {
        1 => TrackKind::Video,
        2 => TrackKind::Audio,
        _ => return Ok(None),
    };
    if track.id == 0 {
        return Err(MediaError::damaged("a track has no number"));
    }
    if is_encoded {
        return Err(MediaError::unsupported("a track is encrypted or compressed once more"));
    }
    track.codec = codec_of_id(&codec_id);
    match track.kind {
        TrackKind::Video => (track.sample_rate, track.channels) = (0, 0),
        TrackKind::Audio => {
            (track.width, track.height) = (0, 0);
            track.sample_rate = if track.sample_rate == 0 { 8000 } else { track.sample_rate };
            track.channels = track.channels.max(1);
        }
    }
    Ok(Some(entry))
}

/// An ISO 639-2 code; `und` for anything else.
fn parse_language(content: &[u8]) -> [u8; 3] {
    let code = <[u8; 3]>::try_from(content).ok();
    code.filter(|code| code.iter().all(u8::is_ascii_lowercase)).unwrap_or(*b"und")
}

/// The codec of a `CodecID`.
fn codec_of_id(name: &str) -> CodecId {
    match name {
        "V_MPEG4/ISO/AVC" => CodecId::H264,
        "V_MPEGH/ISO/HEVC" => CodecId::Hevc,
        "V_VP8" => CodecId::Vp8,
        "V_VP9" => CodecId::Vp9,
        "V_AV1" => CodecId::Av1,
        "A_OPUS" => CodecId::Opus,
        "A_VORBIS" => CodecId::Vorbis,
        "A_MPEG/L3" => CodecId::Mp3,
        "A_FLAC" => CodecId::Flac,
        "A_EAC3" => CodecId::Eac3,
        "A_AAC" => CodecId::Aac,
        name if name.starts_with("A_AAC/") => CodecId::Aac,
        name if name.starts_with("A_AC3") => CodecId::Ac3,
        name => CodecId::Other(name.to_owned()),
    }
}

fn parse_u32(content: &[u8]) -> Result<u32, MediaError> {
    u32::try_from(parse_unsigned(content)?)
        .map_err(|_| MediaError::damaged("a size makes no sense"))
}

/// `Audio`: what is particular to audio tracks.
fn parse_audio(content: &[u8], track: &mut Track) -> Result<(), MediaError> {
    for child in children(content) {
        let (id, content) = child?;
        match id {
            // The cast saturates; rates beyond are nonsense either way.
            ids::SAMPLING_FREQUENCY => track.sample_rate = parse_float(content)?.round() as u32,
            ids::CHANNELS => {
                track.channels = u16::try_from(parse_unsigned(content)?)
                    .map_err(|_| MediaError::damaged("too many channels"))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// `Video`: what is particular to video tracks.
fn parse_video(content: &[u8], track: &mut Track) -> Result<(), MediaError> {
    let (mut cropped_width, mut cropped_height) = (0_u32, 0_u32);
    let (mut display, mut display_unit) = ((0, 0), 0);
    let mut roll = None;
    for child in children(content) {
        let (id, content) = child?;
        match id {
            ids::PIXEL_WIDTH => track.width = parse_u32(content)?,
            ids::PIXEL_HEIGHT => track.height = parse_u32(content)?,
            ids::CROP_LEFT | ids::CROP_RIGHT => {
                cropped_width = cropped_width.saturating_add(parse_u32(content)?);
            }
            ids::CROP_TOP | ids::CROP_BOTTOM => {
                cropped_height = cropped_height.saturating_add(parse_u32(content)?);
            }
            ids::DISPLAY_WIDTH => display.0 = parse_u32(content)?,
            ids::DISPLAY_HEIGHT => display.1 = parse_u32(content)?,
            ids::DISPLAY_UNIT => display_unit = parse_unsigned(content)?,
            ids::PROJECTION => roll = parse_roll(content)?,
            _ => {}
        }
    }
    let shown =
        (track.width.saturating_sub(cropped_width), track.height.saturating_sub(cropped_height));
    if display_unit <= 3 {
        let or = |given, default| if given == 0 { default } else { given };
        let display = (or(display.0, shown.0), or(display.1, shown.1));
        track.pixel_aspect = pixel_aspect(display, shown);
    }
    if let Some(degrees) = roll {
        track.matrix = rotation_matrix(degrees, track.width, track.height);
    }
    Ok(())
}

/// Width and height of one pixel when `coded` of them fill `display`.
fn pixel_aspect(display: (u32, u32), coded: (u32, u32)) -> (u32, u32) {
    let wide = u64::from(display.0) * u64::from(coded.1);
    let high = u64::from(display.1) * u64::from(coded.0);
    if wide == 0 || high == 0 {
        return (1, 1);
    }
    let (mut a, mut b) = (wide, high);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    // Display sizes are whole pixels: an aspect within a thousandth of square
    // comes from rounding them.
    if wide.abs_diff(high).saturating_mul(1000) < wide {
        return (1, 1);
    }
    match (u32::try_from(wide / a), u32::try_from(high / a)) {
        (Ok(wide), Ok(high)) => (wide, high),
        _ => (1, 1),
    }
}

/// Counter-clockwise degrees that a flat `Projection` is rotated by, if it is.
fn parse_roll(content: &[u8]) -> Result<Option<f64>, MediaError> {
    let (mut is_flat, mut has_others, mut roll) = (true, false, 0.0);
    for child in children(content) {
        let (id, content) = child?;
        match id {
            ids::PROJECTION_TYPE => is_flat = parse_unsigned(content)? == 0,
            ids::POSE_YAW | ids::POSE_PITCH => has_others |= parse_float(content)? != 0.0,
            ids::POSE_ROLL => roll = parse_float(content)?,
            _ => {}
        }
    }
    Ok((is_flat && !has_others && roll != 0.0).then_some(roll))
}

/// The matrix that rotates video counter-clockwise by 90, 180 or 270 degrees and
/// moves it back into the first quadrant; upright for anything else.
fn rotation_matrix(degrees: f64, width: u32, height: u32) -> [i32; 9] {
    let fixed =
        |pixels: u32| i32::try_from(pixels).map_or(0, |pixels| pixels.saturating_mul(65536));
    let one = 0x1_0000;
    let (a, b, c, d, x, y) = match degrees.round().rem_euclid(360.0) as u32 {
        90 => (0, -one, one, 0, 0, fixed(width)),
        180 => (-one, 0, 0, -one, fixed(width), fixed(height)),
        270 => (0, one, -one, 0, fixed(height), 0),
        _ => return UPRIGHT,
    };
    [a, b, 0, c, d, 0, x, y, 0x4000_0000]
}
