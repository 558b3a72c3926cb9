//! Parses ffmpeg's machine-readable progress (`-progress`).

use crate::progress::eta_text;

/// How much there is to do, where known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Expected {
    /// Frames of the video.
    pub frames: Option<u64>,
    /// Microseconds of the result.
    pub micros: Option<u64>,
}

/// One report of a running ffmpeg.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Snapshot {
    /// 0 to 100, as far as it is known.
    pub percent: f64,
    /// `2.3x`.
    pub speed: Option<String>,
    /// `MM:SS` left.
    pub eta: Option<String>,
    /// Frames per second.
    pub fps: Option<f64>,
}

/// Collects `key=value` lines until a report is complete.
#[derive(Debug, Default)]
pub(super) struct ProgressParser {
    expected: Expected,
    frame: Option<u64>,
    micros: Option<u64>,
    fps: Option<f64>,
    speed: Option<f64>,
}

impl ProgressParser {
    pub(super) fn new(expected: Expected) -> ProgressParser {
        ProgressParser { expected, ..ProgressParser::default() }
    }

    /// Parses one line; a report when this line ends one.
    pub(super) fn line(&mut self, line: &str) -> Option<Snapshot> {
        let (key, value) = line.split_once('=')?;
        let value = value.trim();
        match key.trim() {
            "frame" => self.frame = value.parse().ok(),
            "out_time_us" => self.micros = value.parse().ok(),
            "fps" => self.fps = value.parse().ok().filter(|fps: &f64| *fps > 0.0),
            "speed" => {
                self.speed =
                    value.trim_end_matches('x').parse().ok().filter(|speed: &f64| *speed > 0.0);
            }
            "progress" => return Some(self.report(value == "end")),
            _ => {}
        }
        None
    }

    fn report(&self, done: bool) -> Snapshot {
        let progress_of = |now: Option<u64>, all: Option<u64>| {
            Some((now? as f64, all.filter(|all| *all > 0)? as f64))
        };
        let by_frames = progress_of(self.frame, self.expected.frames);
        let by_time = progress_of(self.micros, self.expected.micros);
        let percent = match by_frames.or(by_time) {
            _ if done => 100.0,
            Some((now, all)) => (now / all * 100.0).min(99.9),
            None => 0.0,
        };
        let left = match (by_frames, by_time) {
            (Some((now, all)), _) => self.fps.map(|fps| (all - now) / fps),
            (None, Some((now, all))) => self.speed.map(|speed| (all - now) / 1e6 / speed),
            (None, None) => None,
        };
        Snapshot {
            percent,
            speed: self.speed.map(|speed| format!("{speed:.1}x")),
            eta: left.filter(|_| !done).map(eta_text),
            fps: self.fps,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn read(expected: Expected, text: &str) -> Snapshot {
        let mut parser = ProgressParser::new(expected);
        text.lines().find_map(|line| parser.line(line)).unwrap()
    }

    #[test]
    fn frames_show_the_percentage_and_the_time_left() {
        let text = "frame=50\nfps=25.0\nout_time_us=N/A\nspeed=1.02x\nprogress=continue\n";
        let expected = Expected { frames: Some(200), micros: Some(1) };
        let seen = read(expected, text);
        assert_eq!((seen.percent, seen.eta.as_deref()), (25.0, Some("00:06")));
        assert_eq!((seen.speed.as_deref(), seen.fps), (Some("1.0x"), Some(25.0)));
        assert_eq!(read(expected, "frame=200\nprogress=end").percent, 100.0);
    }

    #[test]
    fn time_counts_where_frames_are_unknown() {
        let expected = Expected { frames: None, micros: Some(8_000_000_000) };
        let seen = read(expected, "out_time_us=4000000000\nspeed=  1x\nprogress=continue");
        assert_eq!((seen.percent, seen.eta.as_deref()), (50.0, Some("01:06:40")));
        assert_eq!(read(Expected::default(), "speed=N/A\nprogress=continue"), Snapshot::default());
    }
}
