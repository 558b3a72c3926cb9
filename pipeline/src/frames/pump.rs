//! From the decoders through the encoder into the file.

use std::time::{Duration, Instant};

use clipmill_core::{Code, Error};
use clipmill_plugins::FrameEncoder;

use super::feed::{Picture, Sound};
use super::sink::Sink;
use crate::ProgressReporter;
use crate::ffmpeg::clock;

/// Time between two reports.
const REPORT: Duration = Duration::from_millis(500);

/// Pushes everything in the order of time, at equal times the frame first.
/// Answers how many frames there were. Dropping it ends everything.
///
/// # Errors
/// What the codec, the decoders or the file say; `stage_timeout` from a codec
/// that takes longer than `patience` for one push.
pub(super) async fn pump(
    mut encoder: Box<dyn FrameEncoder>,
    mut picture: Picture,
    mut sound: Option<Sound>,
    sink: &mut Sink,
    patience: Duration,
    mut meter: Meter<'_>,
) -> Result<u64, Error> {
    tokio::try_join!(picture.refill(), refill(&mut sound))?;
    let mut frames = 0;
    loop {
        let next = sound.as_ref().and_then(Sound::next);
        let is_sound = next.is_some_and(|at| picture.next().is_none_or(|frame| at < frame));
        let bytes = if is_sound && let Some(block) = sound.as_mut().and_then(Sound::take) {
            let push = within(patience, encoder.push_audio(block));
            tokio::try_join!(push, refill(&mut sound))?.0
        } else if let Some(frame) = picture.take() {
            let shown = frame.pts_micros + frame.duration_micros;
            let push = within(patience, encoder.push_video(frame));
            let (bytes, ()) = tokio::try_join!(push, picture.refill())?;
            frames += 1;
            meter.tell(frames, shown);
            bytes
        } else {
            break;
        };
        sink.write(&bytes).await?;
    }
    sink.write(&within(patience, encoder.finish()).await?).await?;
    Ok(frames)
}

async fn refill(sound: &mut Option<Sound>) -> Result<(), Error> {
    match sound {
        Some(sound) => sound.refill().await,
        None => Ok(()),
    }
}

/// What a codec answers, if it does so in time.
pub(super) async fn within<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(patience, answer).await {
        Ok(answer) => answer.map_err(Error::from),
        Err(_) => Err(Error::later(Code::StageTimeout, "the codec stopped making progress")),
    }
}

/// Tells how far an encode is.
pub(super) struct Meter<'a> {
    progress: &'a ProgressReporter,
    expected: u64,
    begun: Instant,
    told: Instant,
}

impl<'a> Meter<'a> {
    /// Of so many frames.
    pub fn new(progress: &'a ProgressReporter, expected: u64) -> Meter<'a> {
        let now = Instant::now();
        Meter { progress, expected, begun: now, told: now }
    }

    /// So many frames are encoded, which are shown for so many microseconds.
    fn tell(&mut self, frames: u64, shown_micros: u64) {
        if self.told.elapsed() < REPORT {
            return;
        }
        self.told = Instant::now();
        let seconds = self.begun.elapsed().as_secs_f64();
        let fps = frames as f64 / seconds;
        let percent = frames as f64 / self.expected.max(1) as f64 * 100.0;
        let speed = shown_micros as f64 / 1e6 / seconds;
        let left = self.expected.saturating_sub(frames) as f64 / fps;
        // The end is told when the file has been looked at.
        let (speed, fps) = (Some(format!("{speed:.1}x")), Some((fps * 10.0).round() / 10.0));
        self.progress.encoding(percent.min(99.9), speed, Some(clock(left)), fps);
    }
}
