//! Chooses formats by the reference's rule. Pure.

use std::cmp::Reverse;

use clipmill_core::probe::{Container, Format, Transport};
use clipmill_core::{OutputFormat, Resolution};

use super::tracks::VideoAndAudio;
use crate::settings::HighResolutionMp4;

/// What a client prefers among the formats of a source.
#[derive(Debug, Clone, Copy)]
pub(super) struct FormatPreference {
    pub format: OutputFormat,
    pub resolution: Resolution,
}

/// One format, or one with the video and one with the audio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct FormatChoice<'a> {
    /// Has the video.
    pub video: &'a Format,
    /// Has the audio; none when the other one has it, or none at all.
    pub audio: Option<&'a Format>,
}

impl FormatChoice<'_> {
    /// Where the chosen formats are; none unless `locate` finds each of them.
    pub fn locate<T>(self, locate: impl Fn(&Format) -> Option<T>) -> Option<VideoAndAudio<T>> {
        let video = locate(self.video)?;
        let audio = match self.audio {
            Some(audio) => Some(locate(audio)?),
            None => None,
        };
        Some(VideoAndAudio { video, audio })
    }
}

/// The heights that a source offers, highest first.
pub(super) fn offered_heights(formats: &[Format]) -> Vec<String> {
    let mut heights: Vec<u32> =
        formats.iter().map(height).filter(|height| *height >= Resolution::LOWEST).collect();
    heights.sort_unstable_by_key(|height| Reverse(*height));
    heights.dedup();
    heights.into_iter().map(|height| Resolution::UpTo(height).to_string()).collect()
}

/// The formats for a clip. None when nothing has a video stream.
///
/// - The preferred container counts first, then height; a container that the
///   source does not have is replaced by what there is.
/// - From 1440 lines on, an MP4 is made of WebM, where there is one so high.
/// - When all formats are higher than the preferred resolution, the lowest one.
pub(super) fn select_formats<'a>(
    formats: &'a [Format],
    preference: FormatPreference,
) -> Option<FormatChoice<'a>> {
    let with_video: Vec<&Format> = formats.iter().filter(|format| has_video(format)).collect();
    let limit = preference.resolution.max_height().unwrap_or(u32::MAX);
    let lowest = with_video.iter().map(|format| height(format)).min()?;
    let limit = limit.max(lowest);
    let fitting: Vec<&Format> =
        with_video.into_iter().filter(|format| height(format) <= limit).collect();
    let container = preferred_container(&fitting, preference.format);
    let of_container: Vec<&Format> =
        fitting.iter().filter(|format| Some(format.container) == container).copied().collect();
    let candidates = if of_container.is_empty() { fitting } else { of_container };
    let is_separate = |format: &Format| format.video.is_none() && format.audio.is_some();
    let has_separate_audio = formats.iter().any(is_separate);
    let rank = |format: &&Format| VideoRank::new(format, preference.format, has_separate_audio);
    let video = candidates.into_iter().max_by_key(rank)?;
    let audio = if video.audio.is_some() { None } else { select_audio(formats, video) };
    Some(FormatChoice { video, audio })
}

/// The container that counts first.
fn preferred_container(fitting: &[&Format], wanted: OutputFormat) -> Option<Container> {
    let of_webm = fitting.iter().filter(|format| format.container == Container::Webm);
    match wanted {
        OutputFormat::Webm => Some(Container::Webm),
        OutputFormat::Mp4
            if of_webm.map(|format| height(format)).max()
                >= Some(HighResolutionMp4::MIN_HEIGHT) =>
        {
            Some(Container::Webm)
        }
        OutputFormat::Mp4 => Some(Container::Mp4),
        OutputFormat::Best => None,
    }
}

/// How good a format with video is; the greater the better, the first field counts
/// most.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct VideoRank {
    height: u32,
    /// Not the 10-bit profile of VP9.
    has_ordinary_profile: bool,
    /// Whether its codec plays nearly everywhere.
    is_widely_supported: bool,
    /// Rates like 29.97 and 30 are equal here.
    frames_per_second: u32,
    /// Whether it is without audio just where audio is to be had separately.
    is_split_as_others: bool,
    reach: Reach,
    bits_per_second: u64,
}

impl VideoRank {
    fn new(format: &Format, wanted: OutputFormat, has_separate_audio: bool) -> VideoRank {
        let video = format.video.as_ref();
        let codec = video.and_then(|video| video.codec.as_deref()).unwrap_or("");
        let codec = codec.to_ascii_lowercase();
        let is_h264 = codec.starts_with("avc") || codec.starts_with("h264");
        let is_ten_bit_vp9 = codec.starts_with("vp9.2") || codec.starts_with("vp09.02");
        let rate = video.and_then(|video| video.fps).unwrap_or(0.0);
        VideoRank {
            height: height(format),
            has_ordinary_profile: !is_ten_bit_vp9,
            // H.264 plays everywhere; where WebM is made into MP4 it does not occur.
            is_widely_supported: wanted == OutputFormat::Webm || is_h264,
            // A cast of a float saturates.
            frames_per_second: rate.round() as u32,
            is_split_as_others: format.audio.is_none() == has_separate_audio,
            reach: Reach::new(&format.transport),
            bits_per_second: bits_per_second(format),
        }
    }
}

/// How good a format is for the audio; as [`VideoRank`].
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct AudioRank {
    /// A format with video is used only where there is nothing else.
    is_audio_only: bool,
    /// Whether it is in the original language.
    is_preferred: bool,
    is_of_video_container: bool,
    reach: Reach,
    bits_per_second: u64,
}

/// How precisely a part of a format can be fetched.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// The source downloads it itself.
    Opaque,
    /// Whole segments.
    Segments,
    /// Single bytes.
    Bytes,
}

impl Reach {
    fn new(transport: &Transport) -> Reach {
        match transport {
            Transport::Progressive { .. } => Reach::Bytes,
            Transport::Hls { .. } | Transport::Dash { .. } => Reach::Segments,
            Transport::Opaque => Reach::Opaque,
        }
    }
}

/// The audio for a format without.
fn select_audio<'a>(formats: &'a [Format], video: &Format) -> Option<&'a Format> {
    formats.iter().filter(|format| format.audio.is_some()).max_by_key(|format| AudioRank {
        is_audio_only: format.video.is_none(),
        is_preferred: format.audio.as_ref().is_some_and(|audio| audio.preferred),
        is_of_video_container: format.container == video.container,
        reach: Reach::new(&format.transport),
        bits_per_second: bits_per_second(format),
    })
}

/// Whether there is a video stream, as far as is known.
fn has_video(format: &Format) -> bool {
    format.video.is_some() || format.audio.is_none()
}

fn height(format: &Format) -> u32 {
    format.video.as_ref().and_then(|video| video.height).unwrap_or(0)
}

fn bits_per_second(format: &Format) -> u64 {
    // A cast of a float saturates, and makes 0 of NaN.
    format.bitrate.filter(|rate| rate.is_finite()).unwrap_or(0.0).round() as u64
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
        let has_audio = muxed || video.is_none();
        Format {
            id: id.to_owned(),
            container: Container::from_extension(container),
            audio: has_audio.then_some(AudioTrack { codec: None, preferred }),
            video,
            bitrate: fps.parse().ok(),
            size: None,
            transport: Transport::Progressive {
                url: "https://media.example/x".parse().unwrap(),
                headers: BTreeMap::new(),
            },
        }
    }

    fn preference(wanted: &str, max: u32) -> FormatPreference {
        let resolution = if max > 0 { Resolution::UpTo(max) } else { Resolution::Best };
        FormatPreference { format: wanted.parse().unwrap(), resolution }
    }

    fn chosen(lines: &[&str], wanted: &str, max: u32) -> String {
        let formats: Vec<Format> = lines.iter().map(|line| format(line)).collect();
        let choice = select_formats(&formats, preference(wanted, max)).unwrap();
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
        let languages = &["v mp4 720 avc1 30", "de m4a - - 200", "en webm - - 100 original"];
        assert_eq!(chosen(languages, "mp4", 720), "v+en");
        assert!(select_formats(&[format("a m4a - - 1")], preference("mp4", 0)).is_none());
        let unknown = Format { video: None, audio: None, ..format("u mp4 - - 0") };
        let formats = [unknown];
        let choice = select_formats(&formats, preference("mp4", 720));
        assert!(choice.is_some_and(|choice| choice.audio.is_none()));
    }

    #[test]
    fn heights_are_listed_once_from_720_on() {
        let formats: Vec<Format> = USUAL.iter().map(|line| format(line)).collect();
        assert_eq!(offered_heights(&formats), ["2160p", "1440p", "1080p", "720p"]);
    }
}
