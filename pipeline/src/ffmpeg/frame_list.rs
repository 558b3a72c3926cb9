//! The frames of a video stream by their timestamps: the methods of [`Tools`] that
//! run ffprobe to list packets or decoded frames.

use std::ffi::OsString;
use std::time::Duration;

use clipmill_core::probe::{Rational, VideoStream};
use clipmill_core::process::{self, Spec};
use clipmill_core::{Code, Error, scale_nearest};

use super::input::Input;
use super::tools::Tools;

/// Most frames of a list: more than nine hours at 60 a second.
const MAX_FRAMES: usize = 2_000_000;

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Frame {
    /// When it is shown, in ticks.
    pub pts: i64,
    /// Whether decoding can start here.
    pub key: bool,
}

/// All frames of a stream in the order in which they are shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frames {
    /// Seconds per tick.
    pub time_base: Rational,
    /// In the order of time; none at the same time.
    pub list: Vec<Frame>,
}

impl Frames {
    /// When a frame is shown, in microseconds, to the nearest, halves up.
    pub fn micros(&self, pts: i64) -> i64 {
        let Rational { num, den } = self.time_base;
        scale_nearest(pts, i128::from(num) * 1_000_000, i128::from(den))
    }
}

impl Tools {
    /// The frames of a stream, from its packets where those carry all times,
    /// or else by decoding it.
    ///
    /// # Errors
    /// `not_media` when they can't be listed, `too_large` when there are too many.
    pub(crate) async fn frames(
        &self,
        input: &Input,
        video: &VideoStream,
        deadline: Duration,
    ) -> Result<Frames, Error> {
        match self.list_frames(input, video, deadline, FrameSource::Packets).await? {
            Some(frames) => Ok(frames),
            None => self.decoded_frames(input, video, deadline).await,
        }
    }

    /// The frames of a stream as a decoder gives them out.
    ///
    /// # Errors
    /// As [`Tools::frames`].
    pub(crate) async fn decoded_frames(
        &self,
        input: &Input,
        video: &VideoStream,
        deadline: Duration,
    ) -> Result<Frames, Error> {
        self.list_frames(input, video, deadline, FrameSource::Decoder).await?.ok_or_else(|| {
            Error::never(Code::NotMedia, "the frames of this video carry no time stamps")
        })
    }

    /// None when a timestamp is missing or occurs twice.
    async fn list_frames(
        &self,
        input: &Input,
        video: &VideoStream,
        deadline: Duration,
        source: FrameSource,
    ) -> Result<Option<Frames>, Error> {
        let mut args: Vec<OsString> = ["-hide_banner", "-v", "error"].map(OsString::from).into();
        args.extend(input.guards());
        let stream = video.index.to_string();
        let entries = match source {
            FrameSource::Packets => "packet=pts,flags",
            FrameSource::Decoder => "frame=key_frame,best_effort_timestamp",
        };
        args.extend(
            ["-select_streams", &stream, "-show_entries", entries, "-of", "compact=p=0", "-i"]
                .map(OsString::from),
        );
        args.push(input.address());
        let mut list = Vec::new();
        let mut complete = true;
        let mut untimed = 0;
        let spec = Spec::new(&self.ffprobe, args, deadline);
        process::run_lines(spec, |line| match read_line(line) {
            FrameLine::Frame(frame) if list.len() <= MAX_FRAMES => {
                complete &= untimed == 0;
                list.push(frame);
            }
            FrameLine::NoTime => untimed += 1,
            FrameLine::Frame(_) | FrameLine::Other => {}
        })
        .await
        .map_err(|failure| {
            tracing::warn!(error = %failure, stderr = failure.stderr_tail(), "ffprobe could not list the frames");
            Error::never(Code::NotMedia, "the frames of this video can't be listed")
                .caused_by(failure)
        })?;
        if list.len() > MAX_FRAMES {
            return Err(Error::never(Code::TooLarge, "the video has too many frames"));
        }
        list.sort_unstable();
        if untimed > 0 {
            complete &= source == FrameSource::Decoder && add_untimed(&mut list, untimed);
        }
        let unique =
            list.windows(2).all(|pair| pair.first().map(|f| f.pts) != pair.last().map(|f| f.pts));
        let frames = Frames { time_base: video.time_base, list };
        Ok((complete && unique).then_some(frames))
    }
}

/// What frames are listed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameSource {
    /// Packets of the file: quick, and wrong where they carry no times or wrong ones.
    Packets,
    /// What a decoder gives out.
    Decoder,
}

/// Most frames without a time that a decoder may give out at its end.
const MAX_UNTIMED: i64 = 16;

/// Adds the frames that a decoder held back until the end of the file, which may
/// have no timestamps, at the average distance. Returns whether that was possible.
fn add_untimed(list: &mut Vec<Frame>, untimed: i64) -> bool {
    let (Some(first), Some(last)) = (list.first().copied(), list.last().copied()) else {
        return false;
    };
    let gaps = i64::try_from(list.len() - 1).unwrap_or(i64::MAX);
    if gaps < 1 || untimed > MAX_UNTIMED {
        return false;
    }
    let gap = (last.pts - first.pts) / gaps;
    list.extend((1..=untimed).map(|n| Frame { pts: last.pts + n * gap, key: false }));
    true
}

enum FrameLine {
    Frame(Frame),
    NoTime,
    Other,
}

/// Reads `pts=1024|flags=K_` or `key_frame=1|best_effort_timestamp=1024`.
/// Packets that are to be decoded but not shown are none.
fn read_line(line: &str) -> FrameLine {
    let field = |name: &str| {
        line.split('|').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let flags = field("flags").unwrap_or_default();
    if flags.contains('D') {
        return FrameLine::Other;
    }
    let Some(pts) = field("pts").or_else(|| field("best_effort_timestamp")) else {
        return FrameLine::Other;
    };
    match pts.parse() {
        Ok(pts) => FrameLine::Frame(Frame {
            pts,
            key: flags.contains('K') || field("key_frame") == Some("1"),
        }),
        Err(_) => FrameLine::NoTime,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_kinds_of_lines() {
        let read = |line: &str| match read_line(line) {
            FrameLine::Frame(frame) => Some((frame.pts, frame.key)),
            FrameLine::NoTime => Some((-1, false)),
            FrameLine::Other => None,
        };
        assert_eq!(read("pts=1024|flags=K_"), Some((1024, true)));
        assert_eq!(read("pts=1024|flags=___"), Some((1024, false)));
        assert_eq!(read("pts=-512|flags=_D_"), None);
        assert_eq!(read("pts=N/A|flags=K_"), Some((-1, false)));
        assert_eq!(read("key_frame=1|best_effort_timestamp=40"), Some((40, true)));
        assert_eq!(read("side_data|"), None);
    }

    #[test]
    fn frames_that_a_decoder_held_back_are_added() {
        let at = |pts| Frame { pts, key: false };
        let mut list = vec![at(10), at(12), at(14)];
        assert!(add_untimed(&mut list, 2));
        assert_eq!(list, [10, 12, 14, 16, 18].map(at));
        assert!(!add_untimed(&mut list, 17) && !add_untimed(&mut vec![at(0)], 1));
    }

    #[test]
    fn ticks_become_microseconds() {
        let frames = |num, den| Frames { time_base: Rational { num, den }, list: Vec::new() };
        assert_eq!(frames(1, 30000).micros(1001), 33367);
        assert_eq!(frames(1, 30000).micros(300_300), 10_010_000);
        assert_eq!(frames(1, 1000).micros(-20), -20_000);
        assert_eq!(frames(1001, 30000).micros(300), 10_010_000);
    }
}
