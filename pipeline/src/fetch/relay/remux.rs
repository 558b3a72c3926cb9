//! Lets ffmpeg copy the part of a remote file that a span needs, with its time
//! stamps, through the relay.

use std::path::Path;
use std::sync::Arc;

use clipmill_core::disk::file_error;
use clipmill_core::probe::Probe;
use clipmill_core::{Code, Error, Span, micros_of_seconds};

use super::server::Relay;
use crate::context::PipelineContext;
use crate::fetch::span::{self, still_live};
use crate::fetch::tracks::WantedTracks;
use crate::fetch::transfer::RemoteFile;
use crate::ffmpeg::{self, COPY_SHIFT_MICROS, Demuxer, Expected, Input, StreamCopy};
use crate::local_media::{MediaFile, timestamp_slack_micros};

/// How far before the span a copy starts, to have a keyframe before it, seconds, in
/// order of the tries. Demuxers seek by decoding time, which is earlier.
const MARGINS: [f64; 2] = [1.0, 15.0];
/// How much after the span is copied, seconds: frames that are presented within it
/// may be stored behind later ones.
const MARGIN_AFTER: f64 = 1.0;

/// What is copied of a file.
#[derive(Debug, Clone, Copy)]
pub struct RemuxRequest {
    /// In the source's time.
    pub span: Span,
    pub tracks: WantedTracks,
    /// Whether the source still grows.
    pub is_growing: bool,
}

/// Copies what is needed to `stem` with an extension.
///
/// # Errors
/// Those of sources and of ffmpeg; `still_live` when a growing source does not hold
/// the span yet.
pub async fn remux(
    context: &PipelineContext,
    file: Arc<RemoteFile>,
    request: RemuxRequest,
    stem: &Path,
) -> Result<MediaFile, Error> {
    let relay = Relay::start(Arc::clone(&file)).await.map_err(file_error)?;
    let input = Input::loopback(relay.address().to_owned(), &file.head)?;
    let copied = copy_span(context, &input, request, stem).await;
    // ffmpeg takes a broken connection for the end of the file.
    match file.failure() {
        Some(failure) => Err(failure),
        None => copied,
    }
}

async fn copy_span(
    context: &PipelineContext,
    input: &Input,
    request: RemuxRequest,
    stem: &Path,
) -> Result<MediaFile, Error> {
    let source = context.tools.probe_input(input).await?;
    let (span, tracks) = (request.span, request.tracks);
    tracks.check(&source)?;
    if request.is_growing && source.duration.is_none_or(|duration| duration < span.end) {
        return Err(still_live());
    }
    let wanted = span::clip(span, source.duration)?;
    let format = work_format(&source, input.demuxer, tracks);
    let path = stem.with_extension(format.name);
    let mut streams = Vec::new();
    streams.extend(source.video.as_ref().filter(|_| tracks.video).map(|video| video.index));
    streams.extend(source.audio.first().filter(|_| tracks.audio).map(|audio| audio.index));
    let starts = MARGINS.iter().map(|margin| (wanted.start - margin).max(0.0)).chain([0.0]);
    for from in starts {
        let args = ffmpeg::copy_args(&StreamCopy {
            input,
            streams: &streams,
            from,
            duration: wanted.end - from + MARGIN_AFTER,
            format: format.name,
            timescale: format.time_scale,
            output: &path,
        });
        let limit = context.settings.max_download_bytes;
        context.tools.run(args, context.bounds(Some(limit)), Expected::default(), |_| {}).await?;
        let copied = MediaFile {
            probe: context.tools.probe_input(&Input::file(&path).await?).await?,
            path: path.clone(),
            zero_micros: micros_of_seconds(source.start) + COPY_SHIFT_MICROS,
            shift_micros: COPY_SHIFT_MICROS,
            slack_micros: timestamp_slack_micros(input.demuxer, &source),
        };
        if from == 0.0 || !tracks.video || starts_before(context, &copied, wanted).await? {
            return Ok(copied);
        }
        tracing::info!(from, "no keyframe before the span; looking farther back");
    }
    Err(Error::never(Code::CutMismatch, "the video has no place to begin decoding"))
}

/// Whether decoding can start at or before the span.
async fn starts_before(
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

/// A format of ffmpeg's for a work file.
struct WorkFormat {
    name: &'static str,
    /// Ticks a second; none for the format's own choice.
    time_scale: Option<u64>,
}

/// The format of a work file that keeps every time stamp: the source's own, where
/// it can, for what it states beside the streams.
///
/// - MP4 writes a delayed start in ticks of the whole file, so that those must be
///   the stream's.
/// - Matroska with Opus loses the encoder's delay with each copy.
fn work_format(source: &Probe, demuxer: Demuxer, tracks: WantedTracks) -> WorkFormat {
    const IN_MP4: [&str; 8] = ["h264", "hevc", "av1", "vp9", "mpeg4", "aac", "mp3", "opus"];
    let video = source.video.as_ref().filter(|_| tracks.video);
    let audio = source.audio.first().filter(|_| tracks.audio);
    let video_codec = video.map(|video| video.codec.as_str());
    let audio_codec = audio.map(|audio| audio.codec.as_str());
    let time_scale = match video {
        Some(video) => (video.time_base.num == 1).then_some(video.time_base.den),
        None => audio.map(|audio| u64::from(audio.sample_rate)),
    };
    let fits_mp4 = video_codec.into_iter().chain(audio_codec).all(|codec| IN_MP4.contains(&codec));
    match demuxer {
        Demuxer::Matroska if audio_codec != Some("opus") => {
            WorkFormat { name: "matroska", time_scale: None }
        }
        Demuxer::Mov if fits_mp4 && time_scale.is_some() => WorkFormat { name: "mp4", time_scale },
        _ => WorkFormat { name: "nut", time_scale: None },
    }
}
