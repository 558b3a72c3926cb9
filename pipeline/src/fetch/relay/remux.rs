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
use crate::ffmpeg::{self, COPY_SHIFT_MICROS, Demuxer, Expected, Input, StreamCopy, WorkContainer};
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
    let wanted = span::clip(span, None)?;
    let container = work_container(&source, input.demuxer);
    let path = stem.with_extension(container.name());
    let mut streams = Vec::new();
    streams.extend(source.video.as_ref().filter(|_| tracks.video).map(|video| video.index));
    streams.extend(source.audio.first().filter(|_| tracks.audio).map(|audio| audio.index));
    // ffmpeg counts from the first timestamp, which may be that of a data stream.
    let lead = (source.start - source.first_timestamp).max(0.0);
    let starts = MARGINS.iter().map(|margin| (wanted.start + lead - margin).max(0.0)).chain([0.0]);
    for from in starts {
        let args = ffmpeg::copy_args(&StreamCopy {
            input,
            streams: &streams,
            from,
            duration: wanted.end + lead - from + MARGIN_AFTER,
            container,
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
            presented_micros: None,
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

/// The container of a work file that keeps every time stamp. Matroska keeps its own,
/// for what it states beside the streams, but for Opus, which loses the encoder's
/// delay with each copy.
fn work_container(source: &Probe, demuxer: Demuxer) -> WorkContainer {
    let audio_codec = source.audio.first().map(|audio| audio.codec.as_str());
    match demuxer {
        Demuxer::Matroska if audio_codec != Some("opus") => WorkContainer::Matroska,
        _ => WorkContainer::Nut,
    }
}
