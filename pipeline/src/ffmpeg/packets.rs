//! The frames of a picture stream, by their time stamps.

use std::ffi::OsString;
use std::time::Duration;

use clipmill_core::probe::{Rational, VideoStream};
use clipmill_core::process::{self, Spec};
use clipmill_core::{Code, Error};

use super::{Input, Tools};

/// Most frames that are looked at: more than nine hours at 60 a second.
const MOST: usize = 2_000_000;

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Frame {
    /// When it is shown, in ticks.
    pub pts: i64,
    /// Whether decoding can begin here.
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
    /// When a frame is shown, in microseconds, rounded to the nearest.
    pub fn micros(&self, pts: i64) -> i64 {
        let (num, den) = (i128::from(self.time_base.num), i128::from(self.time_base.den.max(1)));
        let scaled = i128::from(pts) * num * 2_000_000 + den;
        i64::try_from(scaled.div_euclid(den * 2)).unwrap_or(i64::MAX)
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
        match self.list(input, video, deadline, FrameSource::Packets).await? {
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
        self.list(input, video, deadline, FrameSource::Decoder).await?.ok_or_else(|| {
            Error::never(Code::NotMedia, "the frames of this video carry no time stamps")
        })
    }

    /// None when a time is missing or occurs twice.
    async fn list(
        &self,
        input: &Input,
        video: &VideoStream,
        deadline: Duration,
        of: FrameSource,
    ) -> Result<Option<Frames>, Error> {
        let mut args: Vec<OsString> = ["-hide_banner", "-v", "error"].map(OsString::from).into();
        args.extend(input.guards());
        let stream = video.index.to_string();
        let entries = match of {
            FrameSource::Packets => "packet=pts,flags",
            FrameSource::Decoder => "frame=key_frame,best_effort_timestamp",
        };
        args.extend(
            ["-select_streams", &stream, "-show_entries", entries, "-of", "compact=p=0", "-i"]
                .map(OsString::from),
        );
        args.push(input.address());
        let (mut list, mut complete, mut untimed) = (Vec::new(), true, 0);
        let spec = Spec::new(&self.ffprobe, args, deadline);
        process::run_lines(spec, |line| match frame(line) {
            Line::Frame(frame) if list.len() <= MOST => {
                complete &= untimed == 0;
                list.push(frame);
            }
            Line::NoTime => untimed += 1,
            Line::Frame(_) | Line::Other => {}
        })
        .await
        .map_err(|failure| {
            tracing::warn!(error = %failure, stderr = failure.stderr_tail(), "no list of frames");
            Error::never(Code::NotMedia, "the frames of this video can't be listed")
        })?;
        if list.len() > MOST {
            return Err(Error::never(Code::TooLarge, "the video has too many frames"));
        }
        list.sort_unstable();
        if untimed > 0 {
            complete &= of == FrameSource::Decoder && follow(&mut list, untimed);
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
const MOST_UNTIMED: i64 = 16;

/// Gives the last frames of a decoder their times: what it held back until the
/// end of the file may have none. Answers whether that could be done.
fn follow(list: &mut Vec<Frame>, untimed: i64) -> bool {
    let (Some(first), Some(last)) = (list.first().copied(), list.last().copied()) else {
        return false;
    };
    let gaps = i64::try_from(list.len() - 1).unwrap_or(i64::MAX);
    if gaps < 1 || untimed > MOST_UNTIMED {
        return false;
    }
    let gap = (last.pts - first.pts) / gaps;
    list.extend((1..=untimed).map(|n| Frame { pts: last.pts + n * gap, key: false }));
    true
}

enum Line {
    Frame(Frame),
    NoTime,
    Other,
}

/// Reads `pts=1024|flags=K_` or `key_frame=1|best_effort_timestamp=1024`.
/// Packets that are to be decoded but not shown are none.
fn frame(line: &str) -> Line {
    let field = |name: &str| {
        line.split('|').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let flags = field("flags").unwrap_or_default();
    if flags.contains('D') {
        return Line::Other;
    }
    let Some(pts) = field("pts").or_else(|| field("best_effort_timestamp")) else {
        return Line::Other;
    };
    match pts.parse() {
        Ok(pts) => {
            Line::Frame(Frame { pts, key: flags.contains('K') || field("key_frame") == Some("1") })
        }
        Err(_) => Line::NoTime,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_kinds_of_lines() {
        let read = |line: &str| match frame(line) {
            Line::Frame(frame) => Some((frame.pts, frame.key)),
            Line::NoTime => Some((-1, false)),
            Line::Other => None,
        };
        assert_eq!(read("pts=1024|flags=K_"), Some((1024, true)));
        assert_eq!(read("pts=1024|flags=___"), Some((1024, false)));
        assert_eq!(read("pts=-512|flags=_D_"), None);
        assert_eq!(read("pts=N/A|flags=K_"), Some((-1, false)));
        assert_eq!(read("key_frame=1|best_effort_timestamp=40"), Some((40, true)));
        assert_eq!(read("side_data|"), None);
    }

    #[test]
    fn what_a_decoder_held_back_follows() {
        let at = |pts| Frame { pts, key: false };
        let mut list = vec![at(10), at(12), at(14)];
        assert!(follow(&mut list, 2));
        assert_eq!(list, [10, 12, 14, 16, 18].map(at));
        assert!(!follow(&mut list, 17) && !follow(&mut vec![at(0)], 1));
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
