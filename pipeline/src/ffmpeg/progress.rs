//! Reading ffmpeg's machine-readable progress.

/// How much there is to do, where known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Expected {
    /// Frames of the picture.
    pub frames: Option<u64>,
    /// Microseconds of the result.
    pub micros: Option<u64>,
}

/// One report of a running ffmpeg.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Snapshot {
    /// 0 to 100, as far as it can be told.
    pub percent: f64,
    /// `2.3x`.
    pub speed: Option<String>,
    /// `MM:SS` left.
    pub eta: Option<String>,
    /// Frames per second.
    pub fps: Option<f64>,
}

/// Gathers `key=value` lines until a report is whole.
#[derive(Debug, Default)]
pub(super) struct Reader {
    expected: Expected,
    frame: Option<u64>,
    micros: Option<u64>,
    fps: Option<f64>,
    speed: Option<f64>,
}

impl Reader {
    pub(super) fn new(expected: Expected) -> Reader {
        Reader { expected, ..Reader::default() }
    }

    /// Takes one line; a report when this line ends one.
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
        let share = |now: Option<u64>, all: Option<u64>| {
            Some((now? as f64, all.filter(|all| *all > 0)? as f64))
        };
        let by_frames = share(self.frame, self.expected.frames);
        let by_time = share(self.micros, self.expected.micros);
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
            eta: left.filter(|_| !done).map(clock),
            fps: self.fps,
        }
    }
}

/// Seconds as `MM:SS`, or `HH:MM:SS` from an hour on.
pub(crate) fn clock(seconds: f64) -> String {
    // A cast of a float saturates and turns NaN into 0.
    let seconds = seconds.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{seconds:02}"),
        _ => format!("{:02}:{minutes:02}:{seconds:02}", hours.min(99)),
    }
}

/// Bytes per second as people read them (`4.1MiB/s`).
pub(crate) fn rate(bytes_per_second: f64) -> String {
    match bytes_per_second {
        n if n >= 1024.0 * 1024.0 => format!("{:.1}MiB/s", n / 1024.0 / 1024.0),
        n => format!("{:.1}KiB/s", n / 1024.0),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn read(expected: Expected, text: &str) -> Snapshot {
        let mut reader = Reader::new(expected);
        text.lines().find_map(|line| reader.line(line)).unwrap()
    }

    #[test]
    fn frames_tell_the_share_and_the_time_left() {
        let text = "frame=50\nfps=25.0\nout_time_us=N/A\nspeed=1.02x\nprogress=continue\n";
        let expected = Expected { frames: Some(200), micros: Some(1) };
        let seen = read(expected, text);
        assert_eq!((seen.percent, seen.eta.as_deref()), (25.0, Some("00:06")));
        assert_eq!((seen.speed.as_deref(), seen.fps), (Some("1.0x"), Some(25.0)));
        assert_eq!(read(expected, "frame=200\nprogress=end").percent, 100.0);
    }

    #[test]
    fn time_tells_where_frames_are_unknown() {
        let expected = Expected { frames: None, micros: Some(8_000_000_000) };
        let seen = read(expected, "out_time_us=4000000000\nspeed=  1x\nprogress=continue");
        assert_eq!((seen.percent, seen.eta.as_deref()), (50.0, Some("01:06:40")));
        assert_eq!(read(Expected::default(), "speed=N/A\nprogress=continue"), Snapshot::default());
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!((clock(f64::NAN), clock(-3.0)), ("00:00".into(), "00:00".into()));
        assert_eq!((rate(512.0), rate(4.3e6)), ("0.5KiB/s".into(), "4.1MiB/s".into()));
    }
}
