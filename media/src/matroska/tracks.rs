//! What a file says about its tracks.

use super::ebml::{children, float, text, unsigned};
use super::ids;
use crate::track::UPRIGHT;
use crate::{Codec, Error, Track, TrackKind};

/// Most tracks that are looked at.
const TRACKS: usize = 64;

/// One track of picture or sound, and what only Matroska says about it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The track, without samples; its time scale is that of the segment.
    pub track: Track,
    /// Nanoseconds that each frame lasts, if that is always the same.
    pub lasts: Option<u64>,
    /// Nanoseconds that are subtracted from each time stamp.
    pub delay: u64,
}

/// Those tracks of a `Tracks` element that are picture or sound. `scale` is
/// the segment's, nanoseconds.
///
/// # Errors
/// When it contradicts itself, or a track is encrypted or compressed once more.
pub fn entries(content: &[u8], scale: u64) -> Result<Vec<Entry>, Error> {
    let mut found: Vec<Entry> = Vec::new();
    let mut seen = 0;
    for child in children(content) {
        let (id, content) = child?;
        if id != ids::TRACK_ENTRY {
            continue;
        }
        seen += 1;
        if seen > TRACKS {
            return Err(Error::too_large("more than 64 tracks"));
        }
        if let Some(entry) = entry(content, timescale(scale))? {
            if found.iter().any(|other| other.track.id == entry.track.id) {
                return Err(Error::damaged("two tracks have one number"));
            }
            found.push(entry);
        }
    }
    Ok(found)
}

/// Ticks per second: those of the segment if they are whole, else microseconds.
pub fn timescale(scale: u64) -> u32 {
    match 1_000_000_000_u64.checked_div(scale) {
        Some(ticks) if ticks.saturating_mul(scale) == 1_000_000_000 => {
            u32::try_from(ticks).unwrap_or(1_000_000)
        }
        _ => 1_000_000,
    }
}

fn entry(content: &[u8], timescale: u32) -> Result<Option<Entry>, Error> {
    let mut entry = Entry {
        track: Track {
            id: 0,
            kind: TrackKind::Video,
            codec: Codec::Other(String::new()),
            config: Vec::new(),
            entry: None,
            timescale,
            language: *b"eng",
            width: 0,
            height: 0,
            presented: (0, 0),
            matrix: UPRIGHT,
            pixel_aspect: (1, 1),
            sample_rate: 0,
            channels: 0,
            samples: Vec::new(),
        },
        lasts: None,
        delay: 0,
    };
    let track = &mut entry.track;
    let (mut kind, mut name, mut encoded) = (0, String::new(), false);
    for child in children(content) {
        let (id, content) = child?;
        match id {
            ids::TRACK_NUMBER => track.id = u32::try_from(unsigned(content)?).unwrap_or(0),
            ids::TRACK_TYPE => kind = unsigned(content)?,
            ids::CODEC_ID => name = text(content),
            ids::CODEC_PRIVATE => track.config = content.to_vec(),
            ids::LANGUAGE => {
                if let Ok(language) = <[u8; 3]>::try_from(content)
                    && language.iter().all(u8::is_ascii_lowercase)
                {
                    track.language = language;
                } else {
                    track.language = *b"und";
                }
            }
            ids::DEFAULT_DURATION => {
                entry.lasts = Some(unsigned(content)?).filter(|lasts| *lasts > 0);
            }
            ids::CODEC_DELAY => entry.delay = unsigned(content)?,
            ids::CONTENT_ENCODINGS => encoded = true,
            ids::VIDEO => video(content, track)?,
            ids::AUDIO => audio(content, track)?,
            _ => {}
        }
    }
    track.kind = match kind {
        1 => TrackKind::Video,
        2 => TrackKind::Audio,
        _ => return Ok(None),
    };
    if track.id == 0 {
        return Err(Error::damaged("a track has no number"));
    }
    if encoded {
        return Err(Error::unsupported("a track is encrypted or compressed once more"));
    }
    track.codec = codec(&name);
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

/// The codec of a `CodecID`.
fn codec(name: &str) -> Codec {
    match name {
        "V_MPEG4/ISO/AVC" => Codec::H264,
        "V_MPEGH/ISO/HEVC" => Codec::Hevc,
        "V_VP8" => Codec::Vp8,
        "V_VP9" => Codec::Vp9,
        "V_AV1" => Codec::Av1,
        "A_OPUS" => Codec::Opus,
        "A_VORBIS" => Codec::Vorbis,
        "A_MPEG/L3" => Codec::Mp3,
        "A_FLAC" => Codec::Flac,
        "A_EAC3" => Codec::Eac3,
        "A_AAC" => Codec::Aac,
        name if name.starts_with("A_AAC/") => Codec::Aac,
        name if name.starts_with("A_AC3") => Codec::Ac3,
        name => Codec::Other(name.to_owned()),
    }
}

fn small(content: &[u8]) -> Result<u32, Error> {
    u32::try_from(unsigned(content)?).map_err(|_| Error::damaged("a size makes no sense"))
}

fn audio(content: &[u8], track: &mut Track) -> Result<(), Error> {
    for child in children(content) {
        let (id, content) = child?;
        match id {
            // The cast saturates; rates beyond are nonsense either way.
            ids::SAMPLING_FREQUENCY => track.sample_rate = float(content)?.round() as u32,
            ids::CHANNELS => {
                track.channels = u16::try_from(unsigned(content)?)
                    .map_err(|_| Error::damaged("too many channels"))?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn video(content: &[u8], track: &mut Track) -> Result<(), Error> {
    let (mut across, mut down) = (0_u32, 0_u32);
    let (mut display, mut unit) = ((0, 0), 0);
    let mut roll = None;
    for child in children(content) {
        let (id, content) = child?;
        match id {
            ids::PIXEL_WIDTH => track.width = small(content)?,
            ids::PIXEL_HEIGHT => track.height = small(content)?,
            ids::CROP_LEFT | ids::CROP_RIGHT => across = across.saturating_add(small(content)?),
            ids::CROP_TOP | ids::CROP_BOTTOM => down = down.saturating_add(small(content)?),
            ids::DISPLAY_WIDTH => display.0 = small(content)?,
            ids::DISPLAY_HEIGHT => display.1 = small(content)?,
            ids::DISPLAY_UNIT => unit = unsigned(content)?,
            ids::PROJECTION => roll = projection(content)?,
            _ => {}
        }
    }
    let shown = (track.width.saturating_sub(across), track.height.saturating_sub(down));
    if unit <= 3 {
        let or = |given, default| if given == 0 { default } else { given };
        let display = (or(display.0, shown.0), or(display.1, shown.1));
        track.pixel_aspect = aspect(display, shown);
    }
    if let Some(degrees) = roll {
        track.matrix = turned(degrees, track.width, track.height);
    }
    Ok(())
}

/// Width and height of one pixel when `coded` of them fill `display`.
fn aspect(display: (u32, u32), coded: (u32, u32)) -> (u32, u32) {
    let wide = u64::from(display.0) * u64::from(coded.1);
    let high = u64::from(display.1) * u64::from(coded.0);
    if wide == 0 || high == 0 {
        return (1, 1);
    }
    let (mut a, mut b) = (wide, high);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    // Displays are told in whole pixels: an aspect within a thousandth of
    // square comes from rounding them.
    if wide.abs_diff(high).saturating_mul(1000) < wide {
        return (1, 1);
    }
    match (u32::try_from(wide / a), u32::try_from(high / a)) {
        (Ok(wide), Ok(high)) => (wide, high),
        _ => (1, 1),
    }
}

/// Degrees against the clock that a flat picture is turned by, if it is.
fn projection(content: &[u8]) -> Result<Option<f64>, Error> {
    let (mut flat, mut others, mut roll) = (true, false, 0.0);
    for child in children(content) {
        let (id, content) = child?;
        match id {
            ids::PROJECTION_TYPE => flat = unsigned(content)? == 0,
            ids::POSE_YAW | ids::POSE_PITCH => others |= float(content)? != 0.0,
            ids::POSE_ROLL => roll = float(content)?,
            _ => {}
        }
    }
    Ok((flat && !others && roll != 0.0).then_some(roll))
}

/// The matrix that turns a picture against the clock by a quarter, a half or
/// three quarters, back into the first quadrant; upright for anything else.
fn turned(degrees: f64, width: u32, height: u32) -> [i32; 9] {
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
