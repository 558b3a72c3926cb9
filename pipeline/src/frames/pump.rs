//! From the decoders through the encoder into the file.

use std::time::{Duration, Instant};

use clipmill_core::{Code, Error};
use clipmill_plugins::FrameEncoder;

use super::feed::{AudioFeed, VideoFeed};
use super::output_file::OutputFile;
use crate::progress::{ProgressReporter, eta_text};

/// Time between two reports of the progress.
const REPORT: Duration = Duration::from_millis(500);

/// An encode by a codec, ready to run. Dropping it ends its processes.
pub(super) struct Pump<'a> {
    pub encoder: Box<dyn FrameEncoder>,
    pub video: VideoFeed,
    pub audio: Option<AudioFeed>,
    /// Longest time that the codec may take for one frame or block.
    pub silence: Duration,
    pub progress: EncodeProgress<'a>,
}

impl Pump<'_> {
    /// Encodes everything in the order of time, at equal times the frame first.
    /// Returns how many frames there were.
    ///
    /// # Errors
    /// Those of the codec, the decoders or the file; `stage_timeout` from a codec
    /// that takes too long.
    pub async fn run(self, file: &mut OutputFile) -> Result<u64, Error> {
        let Pump { mut encoder, mut video, mut audio, silence, mut progress } = self;
        tokio::try_join!(video.refill(), refill(&mut audio))?;
        let mut frames = 0;
        loop {
            let audio_pts = audio.as_ref().and_then(AudioFeed::next_pts);
            let is_audio = audio_pts.is_some_and(|pts| video.next_pts().is_none_or(|v| pts < v));
            let bytes =
                if is_audio && let Some(block) = audio.as_mut().and_then(AudioFeed::take_ready) {
                    let push = in_time(silence, encoder.push_audio(block));
                    tokio::try_join!(push, refill(&mut audio))?.0
                } else if let Some(frame) = video.take_ready() {
                    let shown = frame.pts_micros + frame.duration_micros;
                    let push = in_time(silence, encoder.push_video(frame));
                    let (bytes, ()) = tokio::try_join!(push, video.refill())?;
                    frames += 1;
                    progress.report(frames, shown);
                    bytes
                } else {
                    break;
                };
            file.write(&bytes).await?;
        }
        file.write(&in_time(silence, encoder.finish()).await?).await?;
        Ok(frames)
    }
}

async fn refill(audio: &mut Option<AudioFeed>) -> Result<(), Error> {
    match audio {
        Some(audio) => audio.refill().await,
        None => Ok(()),
    }
}

/// What a codec returns, if it does so in time.
///
/// # Errors
/// Those of the codec; `stage_timeout`, to be tried again later.
pub(super) async fn in_time<T>(
    silence: Duration,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::time::timeout(silence, call).await.unwrap_or_else(|_| {
        Err(Error::later(Code::StageTimeout, "the codec stopped making progress"))
    })
}

/// Reports how far an encode is.
pub(super) struct EncodeProgress<'a> {
    progress: &'a ProgressReporter,
    expected: u64,
    started: Instant,
    reported: Instant,
}

impl<'a> EncodeProgress<'a> {
    /// Of so many frames.
    pub fn new(progress: &'a ProgressReporter, expected: u64) -> EncodeProgress<'a> {
        let now = Instant::now();
        EncodeProgress { progress, expected, started: now, reported: now }
    }

    /// So many frames are encoded, which are shown for so many microseconds.
    fn report(&mut self, frames: u64, shown_micros: u64) {
        if self.reported.elapsed() < REPORT {
            return;
        }
        self.reported = Instant::now();
        let seconds = self.started.elapsed().as_secs_f64();
        let fps = frames as f64 / seconds;
        let percent = frames as f64 / self.expected.max(1) as f64 * 100.0;
        let speed = shown_micros as f64 / 1e6 / seconds;
        let left = self.expected.saturating_sub(frames) as f64 / fps;
        let speed = Some(format!("{speed:.1}x"));
        let fps = Some((fps * 10.0).round() / 10.0);
        // 100 is reported when the file has been verified.
        self.progress.encoding(percent.min(99.9), speed, Some(eta_text(left)), fps);
    }
}
