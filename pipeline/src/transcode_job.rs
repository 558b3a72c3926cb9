//! What a transcode works on, whichever way it takes: the inputs, where the result
//! goes, and the check of the result.

use std::io;
use std::path::{Path, PathBuf};

use clipmill_core::disk::file_error;
use clipmill_core::probe::{AudioStream, Probe, VideoStream};
use clipmill_core::{Code, Error, micros_of_seconds};

use crate::context::PipelineContext;
use crate::ffmpeg::{AudioInput, Expected, Input, Snapshot};
use crate::progress::ProgressReporter;
use crate::stages::{Encoded, ExactFrames, Fetched};

/// Most audio streams that are kept.
const MAX_AUDIO_STREAMS: usize = 8;

/// By how much a container may round the timestamp of the last frame, microseconds:
/// half of a millisecond, at both ends.
const ROUNDING_MICROS: i64 = 1000;

/// The local files of a job, ready for ffmpeg.
pub(crate) struct TranscodeInputs {
    pub video: Input,
    /// The audio's file, when it is another one.
    pub audio: Option<Input>,
    /// The audio streams that are kept.
    pub audio_streams: Vec<AudioStream>,
}

impl TranscodeInputs {
    /// Looks at the files that were fetched.
    ///
    /// # Errors
    /// `not_media` or `internal` when they can't be read.
    pub async fn open(fetched: &Fetched) -> Result<TranscodeInputs, Error> {
        let media = &fetched.media;
        let video = Input::file(&media.video.path).await?;
        let audio = match &media.audio {
            Some(file) => Some(Input::file(&file.path).await?),
            None => None,
        };
        let streams = &media.audio_file().probe.audio;
        let audio_streams = streams.iter().take(MAX_AUDIO_STREAMS).cloned().collect();
        Ok(TranscodeInputs { video, audio, audio_streams })
    }

    /// The audio for ffmpeg's arguments.
    pub fn audio_input(&self) -> AudioInput<'_> {
        AudioInput { file: self.audio.as_ref(), streams: &self.audio_streams }
    }
}

/// A transcode.
pub(crate) struct TranscodeJob<'a> {
    pub context: &'a PipelineContext,
    pub fetched: &'a Fetched,
    pub inputs: TranscodeInputs,
    pub progress: &'a ProgressReporter,
}

impl TranscodeJob<'_> {
    /// What the video's file holds.
    pub fn source(&self) -> &Probe {
        &self.fetched.media.video.probe
    }

    /// The video stream.
    ///
    /// # Errors
    /// `no_video`.
    pub fn video(&self) -> Result<&VideoStream, Error> {
        self.fetched.media.video_stream()
    }

    /// Where the result goes: a name that no file has. What an interrupted attempt
    /// left there is removed and not written over, because its ffmpeg may still
    /// write to it.
    ///
    /// # Errors
    /// `internal`.
    pub async fn output_path(&self, extension: &str) -> Result<PathBuf, Error> {
        let path = self.fetched.folder.join(format!("encoded.{extension}"));
        match tokio::fs::remove_file(&path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(error)),
            _ => Ok(path),
        }
    }

    /// How much ffmpeg has to do.
    pub fn expected(&self, exact: Option<ExactFrames>) -> Expected {
        let duration = self.source().duration;
        match exact {
            Some(exact) => Expected { frames: Some(exact.count), micros: None },
            None => Expected {
                frames: None,
                micros: duration.map(|seconds| micros_of_seconds(seconds).unsigned_abs()),
            },
        }
    }

    /// Hands ffmpeg's reports to the progress.
    pub fn on_report(&self) -> impl FnMut(Snapshot) + Send {
        |seen| self.progress.encoding(seen.percent, seen.speed, seen.eta, seen.fps)
    }

    /// The result at `path`, once it is verified: a wrong file is never handed out.
    ///
    /// # Errors
    /// `encode_failed` when it can't be read, `cut_mismatch` when it has other
    /// frames than these.
    pub async fn verified(
        &self,
        path: PathBuf,
        extension: &str,
        exact: Option<ExactFrames>,
    ) -> Result<Encoded, Error> {
        let probe = self.verify(&path, exact).await?;
        let extension = extension.to_owned();
        Ok(Encoded { path, extension, probe, note: None, copied_frames: None })
    }

    async fn verify(&self, path: &Path, exact: Option<ExactFrames>) -> Result<Probe, Error> {
        let tools = &self.context.tools;
        let probe = tools.probe(path).await.map_err(|error| {
            tracing::warn!(error = %error.chain(), "the result can't be read back");
            let message = "ffmpeg made a file that can't be read";
            Error::never(Code::EncodeFailed, message).caused_by(error)
        })?;
        let (Some(exact), Some(video)) = (exact, &probe.video) else { return Ok(probe) };
        let deadline = self.context.settings.stage_deadline;
        let frames = tools.frames(&Input::file(path).await?, video, deadline).await?;
        let first = frames.list.first().map(|frame| frames.micros(frame.pts));
        let last = frames.list.last().map_or(0, |frame| frames.micros(frame.pts));
        let wanted_last = exact.timing.duration - exact.timing.last_gap;
        let count = frames.list.len() as u64;
        let is_exact = count == exact.count
            && first == Some(0)
            && (last - wanted_last).abs() <= ROUNDING_MICROS;
        if is_exact {
            return Ok(probe);
        }
        let wanted = exact.count;
        tracing::warn!(count, wanted, ?first, last, wanted_last, "the cut is not exact");
        Err(Error::never(Code::CutMismatch, "the video could not be cut at exactly these times"))
    }
}
