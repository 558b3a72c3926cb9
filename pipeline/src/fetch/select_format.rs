//! Choosing formats by the reference's rule. Pure.

use std::cmp::Reverse;

use clipmill_core::probe::{Container, Format, Transport};

use crate::render::HIGH;

/// Lowest height that clients are told of.
const TOLD: u32 = 720;

/// One format, or picture and sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Choice<'a> {
    /// Has the picture.
    pub video: &'a Format,
    /// Has the sound; none when the other one has it, or nobody.
    pub audio: Option<&'a Format>,
}

/// The heights that a source offers, highest first.
pub(super) fn heights(formats: &[Format]) -> Vec<String> {
    let mut heights: Vec<u32> =
        formats.iter().map(height).filter(|height| *height >= TOLD).collect();
    heights.sort_unstable_by_key(|height| Reverse(*height));
    heights.dedup();
    heights.into_iter().map(|height| format!("{height}p")).collect()
}

/// The formats for a clip in `wanted` (`mp4`, `webm` or `best`) of at most this
/// height. None when nothing has a picture.
///
/// - The asked container counts first, then height; a container that the source
///   does not have is replaced by what there is.
/// - From 1440 lines on, an MP4 is made of WebM, where there is one so high.
/// - When everything is higher than asked, the lowest there is.
pub(super) fn choose<'a>(
    formats: &'a [Format],
    wanted: &str,
    max_height: Option<u32>,
) -> Option<Choice<'a>> {
    let pictures: Vec<&Format> = formats.iter().filter(|format| shows(format)).collect();
    let limit = max_height.unwrap_or(u32::MAX);
    let lowest = pictures.iter().map(|format| height(format)).min()?;
    let limit = limit.max(lowest);
    let fitting: Vec<&Format> =
        pictures.into_iter().filter(|format| height(format) <= limit).collect();
    let tallest = |container: Container| {
        fitting.iter().filter(|f| f.container == container).map(|f| height(f)).max()
    };
    let container = match wanted {
        "webm" => Some(Container::Webm),
        "mp4" if tallest(Container::Webm) >= Some(HIGH) => Some(Container::Webm),
        "mp4" => Some(Container::Mp4),
        _ => None,
    };
    let of_container: Vec<&Format> =
        fitting.iter().filter(|format| Some(format.container) == container).copied().collect();
    let candidates = if of_container.is_empty() { fitting } else { of_container };
    let separate = formats.iter().any(|format| format.video.is_none() && format.audio.is_some());
    let video = candidates.into_iter().max_by(|a, b| {
        rank(a, wanted, separate)
            .partial_cmp(&rank(b, wanted, separate))
            .unwrap_or(std::cmp::Ordering::Equal)
    })?;
    let audio = match video.audio {
        Some(_) => None,
        None => sound(formats, video),
    };
    Some(Choice { video, audio })
}

/// Better is greater.
fn rank(format: &Format, wanted: &str, separate: bool) -> (u32, bool, bool, u32, bool, u8, f64) {
    let codec = format.video.as_ref().and_then(|video| video.codec.as_deref()).unwrap_or("");
    let codec = codec.to_ascii_lowercase();
    // H.264 plays everywhere; where WebM is on the way to MP4 it does not occur.
    let widest = wanted == "webm" || codec.starts_with("avc") || codec.starts_with("h264");
    let ordinary = !(codec.starts_with("vp9.2") || codec.starts_with("vp09.02"));
    let fps = format.video.as_ref().and_then(|video| video.fps).unwrap_or(0.0);
    (
        height(format),
        ordinary,
        widest,
        // Rates like 29.97 and 30 are equal here; a cast of a float saturates.
        fps.round() as u32,
        format.audio.is_none() == separate,
        reach(format),
        bitrate(format),
    )
}

/// The sound for a picture without one: the original language first, then the
/// picture's own container, then the best; a format with a picture only where
/// there is nothing else.
fn sound<'a>(formats: &'a [Format], video: &Format) -> Option<&'a Format> {
    let rank = |format: &Format| {
        (
            format.video.is_none(),
            format.audio.as_ref().is_some_and(|audio| audio.preferred),
            format.container == video.container,
            reach(format),
            bitrate(format),
        )
    };
    formats
        .iter()
        .filter(|format| format.audio.is_some())
        .max_by(|a, b| rank(a).partial_cmp(&rank(b)).unwrap_or(std::cmp::Ordering::Equal))
}

/// Whether there is a picture, as far as is known.
fn shows(format: &Format) -> bool {
    format.video.is_some() || format.audio.is_none()
}

fn height(format: &Format) -> u32 {
    format.video.as_ref().and_then(|video| video.height).unwrap_or(0)
}

fn bitrate(format: &Format) -> f64 {
    format.bitrate.filter(|bitrate| bitrate.is_finite()).unwrap_or(0.0)
}

/// How precisely a part of it can be fetched.
fn reach(format: &Format) -> u8 {
    match format.transport {
        Transport::Progressive { .. } => 2,
        Transport::Hls { .. } | Transport::Dash { .. } => 1,
        Transport::Opaque => 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::collections::BTreeMap;

    use clipmill_core::probe::{AudioTrack, VideoTrack};

    use super::*;

    /// `id container height codec fps`, with `-` for what is not there.
    fn format(line: &str) -> Format {
        let words: Vec<&str> = line.split(' ').collect();
        let (id, container, height, codec, fps) =
            (words[0], words[1], words[2], words[3], words[4]);
        let muxed = words.get(5) == Some(&"muxed");
        let preferred = words.get(5) == Some(&"original");
        let video = (height != "-").then(|| VideoTrack {
            codec: Some(codec.to_owned()),
            width: None,
            height: height.parse().ok(),
            fps: fps.parse().ok(),
        });
        let sound = muxed || video.is_none();
        Format {
            id: id.to_owned(),
            container: Container::from_extension(container),
            audio: sound.then_some(AudioTrack { codec: None, preferred }),
            video,
            bitrate: fps.parse().ok(),
            size: None,
            transport: Transport::Progressive {
                url: "https://media.example/x".parse().unwrap(),
                headers: BTreeMap::new(),
            },
        }
    }

    fn chosen(lines: &[&str], wanted: &str, max: u32) -> String {
        let formats: Vec<Format> = lines.iter().map(|line| format(line)).collect();
        let choice = choose(&formats, wanted, (max > 0).then_some(max)).unwrap();
        let audio = choice.audio.map(|audio| format!("+{}", audio.id)).unwrap_or_default();
        format!("{}{audio}", choice.video.id)
    }

    const USUAL: &[&str] = &[
        "a1 m4a - - 48",
        "a2 m4a - - 128",
        "a3 webm - - 50",
        "a4 webm - - 160",
        "18 mp4 360 avc1 30 muxed",
        "136 mp4 720 avc1 30",
        "298 mp4 720 avc1 60",
        "398 mp4 720 av01 60",
        "137 mp4 1080 avc1 30",
        "399 mp4 1080 av01 60",
        "247 webm 720 vp9 30",
        "248 webm 1080 vp9 30",
        "271 webm 1440 vp9 30",
        "313 webm 2160 vp9 30",
        "401 mp4 2160 av01 30",
        "337 webm 2160 vp9.2 60",
    ];

    #[test]
    fn the_reference_s_rule() {
        for (wanted, max, expected) in [
            ("mp4", 720, "298+a2"),
            ("mp4", 1080, "137+a2"),
            ("mp4", 1440, "271+a4"),
            ("mp4", 2160, "313+a4"),
            ("mp4", 0, "313+a4"),
            ("mp4", 4320, "313+a4"),
            ("mp4", 480, "18"),
            ("mp4", 240, "18"),
            ("webm", 720, "247+a4"),
            ("webm", 1080, "248+a4"),
            ("webm", 2160, "313+a4"),
            ("webm", 480, "18"),
            ("best", 0, "401+a2"),
            ("best", 1080, "137+a2"),
        ] {
            assert_eq!(chosen(USUAL, wanted, max), expected, "{wanted} {max}");
        }
    }

    #[test]
    fn what_is_missing_is_replaced() {
        let webm = &["v webm 1080 vp9 30", "a webm - - 1"];
        assert_eq!(chosen(webm, "mp4", 720), "v+a");
        let mp4 = &["lo mp4 480 avc1 30 muxed", "hi mp4 1440 avc1 30 muxed"];
        assert_eq!(chosen(mp4, "mp4", 2160), "hi");
        assert_eq!(chosen(mp4, "webm", 1080), "lo");
        assert_eq!(chosen(&["v mp4 720 avc1 30"], "mp4", 720), "v");
        let tongues = &["v mp4 720 avc1 30", "de m4a - - 200", "en webm - - 100 original"];
        assert_eq!(chosen(tongues, "mp4", 720), "v+en");
        assert!(choose(&[format("a m4a - - 1")], "mp4", None).is_none());
        let unknown = Format { video: None, audio: None, ..format("u mp4 - - 0") };
        assert!(choose(&[unknown], "mp4", Some(720)).is_some_and(|choice| choice.audio.is_none()));
    }

    #[test]
    fn heights_are_told_once_from_720_on() {
        let formats: Vec<Format> = USUAL.iter().map(|line| format(line)).collect();
        assert_eq!(heights(&formats), ["2160p", "1440p", "1080p", "720p"]);
    }
}
