//! What a transcode works on, whichever way it takes: the inputs, where the result
//! goes, and the check of the result.

use std::io;
use std::path::{Path, PathBuf};

use clipmill_core::disk::file_error;
use clipmill_core::probe::{AudioStream, Probe, VideoStream};
use clipmill_core::{Code, Error, micros_of_seconds};
use clipmill_media::Track;

use crate::context::PipelineContext;
use crate::ffmpeg::{AudioInput, Expected, Input, Snapshot};
use crate::index::SampleIndex;
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
    /// Which are left out, and why, for people.
    pub note: Option<String>,
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
        let mut audio_streams: Vec<AudioStream> =
            streams.iter().take(MAX_AUDIO_STREAMS).cloned().collect();
        let mut note = None;
        if audio_streams.iter().any(is_raw_pcm) {
            let input = audio.as_ref().unwrap_or(&video);
            let index = SampleIndex::read(input, &media.audio_file().path).await;
            let tracks: Vec<&Track> =
                index.iter().flat_map(|index| index.media.audio_tracks()).collect();
            let mut numbers = 0..;
            audio_streams.retain(|stream| {
                let track = numbers.next().and_then(|number: usize| tracks.get(number));
                !is_raw_pcm(stream) || track.is_some_and(|track| is_pcm_understood(stream, track))
            });
            let lost = numbers.start - audio_streams.len();
            let words = "left out, because this server's ffmpeg can't read its raw PCM";
            note = (lost > 0).then(|| format!("{lost} sound track(s) were {words}"));
        }
        Ok(TranscodeInputs { video, audio, audio_streams, note })
    }

    /// The audio for ffmpeg's arguments.
    pub fn audio_input(&self) -> AudioInput<'_> {
        AudioInput { file: self.audio.as_ref(), streams: &self.audio_streams }
    }
}

/// Whether it is PCM as ISO/IEC 23003-5 puts it into MP4. FFmpeg before 6.1 takes all
/// of it for 16 bits with the lowest byte first.
fn is_raw_pcm(stream: &AudioStream) -> bool {
    matches!(stream.tag.as_str(), "ipcm" | "fpcm")
}

/// Whether ffprobe's codec is what the track's `pcmC` states: flags, of which the
/// lowest bit is set where the lowest byte comes first, and bits of a sample.
fn is_pcm_understood(stream: &AudioStream, track: &Track) -> bool {
    let entry = track.entry.as_deref().unwrap_or_default();
    let place = entry.windows(4).position(|name| name == b"pcmC");
    // Version and flags of the box are before its content.
    let content = place.and_then(|place| entry.get(place + 8..place + 10));
    let Some([flags, bits]) = content else { return false };
    let kind = if stream.tag == "fpcm" { "f" } else { "s" };
    let order = if flags & 1 == 1 { "le" } else { "be" };
    stream.codec == format!("pcm_{kind}{bits}{order}")
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
