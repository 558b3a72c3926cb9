//! Copying the part of a remote file that a span needs, with its time stamps.

use std::path::Path;
use std::sync::Arc;

use clipmill_core::probe::Probe;
use clipmill_core::{Code, Error, Span, micros_of_seconds};

use super::server::Relay;
use crate::context::PipelineContext;
use crate::fetch::span::{self, still_live};
use crate::fetch::transfer::remote_file::Upstream;
use crate::ffmpeg::{self, COPY_SHIFT, Copy, Demuxer, Expected, Input, no_video};
use crate::local_media::{MediaFile, timestamp_slack_micros};
use crate::workspace;

/// How far before the span a copy begins to look for a keyframe, seconds, in
/// order of the tries. Demuxers look by decoding time, which is earlier.
const MARGINS: [f64; 2] = [1.0, 15.0];
/// How much after the span is copied, seconds: frames that are shown within it
/// may come after later ones.
const AFTER: f64 = 1.0;

/// What is needed of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    /// In the source's time.
    pub span: Span,
    /// Whether the picture is wanted; else the sound alone.
    pub picture: bool,
    /// Whether the first sound is wanted.
    pub sound: bool,
    /// Whether the source still grows.
    pub growing: bool,
}

/// Copies what is needed to `stem` with an extension.
pub(crate) async fn part(
    context: &PipelineContext,
    file: Arc<Upstream>,
    need: Need,
    stem: &Path,
) -> Result<MediaFile, Error> {
    let relay =
        Relay::start(Arc::clone(&file)).await.map_err(|error| workspace::explain(&error))?;
    let input = Input::loopback(relay.address().to_owned(), &file.head)?;
    let copied = copy(context, &input, need, stem).await;
    // ffmpeg takes a broken connection for the end of the file.
    match file.failure() {
        Some(failure) => Err(failure),
        None => copied,
    }
}

async fn copy(
    context: &PipelineContext,
    input: &Input,
    need: Need,
    stem: &Path,
) -> Result<MediaFile, Error> {
    let source = context.tools.inspect(input).await?;
    if need.picture && source.video.is_none() {
        return Err(no_video("source"));
    }
    if need.growing && source.duration.is_none_or(|duration| duration < need.span.end) {
        return Err(still_live());
    }
    let wanted = span::clip(need.span, source.duration)?;
    let (format, time_scale) = work_format(&source, input.demuxer, need);
    let path = stem.with_extension(format);
    let mut streams = Vec::new();
    streams.extend(source.video.as_ref().filter(|_| need.picture).map(|video| video.index));
    streams.extend(source.audio.first().filter(|_| need.sound).map(|audio| audio.index));
    let tries = MARGINS.iter().map(|margin| (wanted.start - margin).max(0.0)).chain([0.0]);
    for from in tries {
        let args = ffmpeg::copy(&Copy {
            input,
            streams: &streams,
            from,
            length: wanted.end - from + AFTER,
            format,
            time_scale,
            output: &path,
        });
        let limit = context.settings.max_download_bytes;
        context.tools.run(args, context.bounds(Some(limit)), Expected::default(), |_| {}).await?;
        let copied = MediaFile {
            probe: context.tools.inspect(&Input::file(&path).await?).await?,
            path: path.clone(),
            zero_micros: micros_of_seconds(source.start) + COPY_SHIFT,
            shift_micros: COPY_SHIFT,
            slack_micros: timestamp_slack_micros(input.demuxer, &source),
        };
        if from == 0.0 || !need.picture || begins_before(context, &copied, wanted).await? {
            return Ok(copied);
        }
        tracing::info!(from, "no keyframe before the span; looking farther back");
    }
    Err(Error::never(Code::CutMismatch, "the video has no place to begin decoding"))
}

/// Whether decoding can begin at or before the span.
async fn begins_before(
    context: &PipelineContext,
    file: &MediaFile,
    span: Span,
) -> Result<bool, Error> {
    let Some(video) = &file.probe.video else { return Ok(false) };
    let input = Input::file(&file.path).await?;
    let frames = context.tools.frames(&input, video, context.settings.stage_deadline).await?;
    let key = frames.list.iter().find(|frame| frame.key);
    let start = file.zero_micros.saturating_add(micros_of_seconds(span.start));
    Ok(key.is_some_and(|key| frames.micros(key.pts) <= start))
}

/// The format of a work file that keeps every time stamp: the source's own,
/// where it can, for what it says beside the streams.
///
/// - MP4 writes a delayed beginning in ticks of the whole file, so that those
///   must be the stream's.
/// - Matroska with Opus loses the encoder's delay with each copy.
fn work_format(source: &Probe, demuxer: Demuxer, need: Need) -> (&'static str, Option<u64>) {
    const IN_MP4: [&str; 8] = ["h264", "hevc", "av1", "vp9", "mpeg4", "aac", "mp3", "opus"];
    let video = source.video.as_ref().filter(|_| need.picture);
    let audio = source.audio.first().filter(|_| need.sound);
    let (picture, sound) =
        (video.map(|video| video.codec.as_str()), audio.map(|audio| audio.codec.as_str()));
    let ticks = match video {
        Some(video) => (video.time_base.num == 1).then_some(video.time_base.den),
        None => audio.map(|audio| u64::from(audio.sample_rate)),
    };
    let in_mp4 = picture.into_iter().chain(sound).all(|codec| IN_MP4.contains(&codec));
    match demuxer {
        Demuxer::Matroska if sound != Some("opus") => ("matroska", None),
        Demuxer::Mov if in_mp4 && ticks.is_some() => ("mp4", ticks),
        _ => ("nut", None),
    }
}
