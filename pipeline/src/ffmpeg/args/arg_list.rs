//! An argument list as it grows, and what all kinds of jobs are about: a window
//! of an input, and its audio.

use std::ffi::OsString;
use std::path::Path;

use clipmill_core::probe::{AudioStream, Container, VideoStream};

use crate::ffmpeg::input::{Input, local};

/// Which part of the inputs is wanted, in the inputs' own clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CutWindow {
    /// First wanted frame, in ticks of the video.
    pub start_pts: i64,
    /// First frame that is not wanted any more; none when the stream ends before.
    pub end_pts: Option<i64>,
    /// Time of the first wanted frame in the clock of the audio, microseconds.
    pub start_micros: i64,
    /// End of the audio in its own clock, microseconds.
    pub end_micros: i64,
    /// Where reading may start, microseconds from the file's first timestamp; none
    /// for its beginning.
    pub seek_micros: Option<i64>,
}

/// Where the audio comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AudioInput<'a> {
    /// A file of its own; none when it is in the file of the video.
    pub file: Option<&'a Input>,
    /// The streams that are kept.
    pub streams: &'a [AudioStream],
}

/// Arguments as they grow.
pub(super) struct ArgList(pub Vec<OsString>);

impl ArgList {
    /// ffmpeg asks nothing and prints errors only.
    pub fn quiet() -> ArgList {
        let mut args = ArgList(Vec::new());
        args.add(&["-nostdin", "-hide_banner", "-v", "error"]);
        args
    }

    /// The same, with reports of the progress on standard output, twice a second.
    pub fn with_progress() -> ArgList {
        let mut args = ArgList::quiet();
        args.add(&["-nostats", "-progress", "pipe:1", "-stats_period", "0.5"]);
        args
    }

    /// Appends.
    pub fn add(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(OsString::from));
    }

    /// Appends a path, so that no option or protocol is seen in it.
    pub fn add_path(&mut self, path: &Path) {
        self.0.push(local(path));
    }

    /// The video's file and, where there is one, the audio's. With `keep_clock`
    /// their timestamps stay as they are.
    pub fn inputs(
        &mut self,
        video: &Input,
        audio: Option<&Input>,
        keep_clock: bool,
        seek_micros: Option<i64>,
        threads: u32,
    ) {
        if keep_clock {
            self.add(&["-copyts"]);
        }
        self.input(video, seek_micros, threads);
        if let Some(audio) = audio {
            self.input(audio, seek_micros, threads);
        }
    }

    /// One input.
    pub fn input(&mut self, input: &Input, seek_micros: Option<i64>, threads: u32) {
        if threads > 0 {
            self.add(&["-threads", &threads.to_string()]);
        }
        if let Some(micros) = seek_micros.filter(|micros| *micros > 0) {
            self.add(&["-noaccurate_seek", "-ss", &seconds(micros)]);
        }
        self.0.extend(input.guards());
        self.add(&["-i"]);
        self.0.push(input.address());
    }

    /// Selects the video stream and the audio streams of [`ArgList::inputs`].
    pub fn maps(&mut self, video: &VideoStream, audio: AudioInput<'_>) {
        self.add(&["-map", &format!("0:{}", video.index)]);
        let file = u8::from(audio.file.is_some());
        for stream in audio.streams {
            self.add(&["-map", &format!("{file}:{}", stream.index)]);
        }
    }

    /// A result takes over no tags, chapters, subtitles or data.
    pub fn without_extras(&mut self) {
        self.add(&["-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn"]);
    }

    /// Threads of the encoder; 0 for ffmpeg's own choice.
    pub fn threads(&mut self, threads: u32) {
        if threads > 0 {
            self.add(&["-threads", &threads.to_string()]);
        }
    }

    /// A highest rate of the video, over a second.
    pub fn max_rate(&mut self, kilobits: u64) {
        let rate = format!("{kilobits}k");
        self.add(&["-maxrate", &rate, "-bufsize", &rate]);
    }

    /// The result.
    pub fn output(mut self, container: Container, output: &Path) -> Vec<OsString> {
        match container {
            Container::Webm => self.add(&["-f", "webm"]),
            Container::Mkv => self.add(&["-f", "matroska"]),
            Container::Ts => self.add(&["-f", "mpegts"]),
            // Negative offsets make the first frame start at 0 without an edit
            // list, which not every player follows.
            Container::Mp4 | Container::Other => {
                self.add(&["-f", "mp4", "-movflags", "+faststart+negative_cts_offsets"]);
            }
        }
        self.add(&["-y"]);
        self.add_path(output);
        self.0
    }
}

/// Microseconds as decimal seconds, exactly.
pub(super) fn seconds(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
