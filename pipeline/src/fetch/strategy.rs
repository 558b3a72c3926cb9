//! In which way a remote source is fetched: a list of strategies, tried in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clipmill_core::probe::{Live, MediaInfo};
use clipmill_core::{Code, Error, OutputFormat, Resolution, Span};
use clipmill_plugins::ResolveOptions;
use url::Url;

use super::context::{FetchContext, file_address};
use super::indexed::{EarlyStart, IndexedFile, PartialFile, fetch_indexed};
use super::segmented::{LiveTimeline, SegmentedRequest, fetch_segmented, stream_address};
use super::select_format::{FormatChoice, FormatPreference, offered_heights, select_formats};
use super::source_download::download_by_source;
use super::span::{self, LiveSpan, ResolvedSpan, still_live};
use super::tracks::{VideoAndAudio, WantedTracks};
use super::transfer::{RemoteAddress, TransferContext};
use crate::context::PipelineContext;
use crate::ffmpeg::no_video;
use crate::local_media::LocalMedia;
use crate::progress::ProgressReporter;
use crate::request::{JobRequest, Rendition, SpanRequest};
use crate::stages::Fetched;

/// Is called when the first bytes of the video's file arrive, at most once.
pub(super) type OnEarlyStart<'a> = &'a (dyn Fn(EarlyStart) + Sync);

/// A remote source, and what is wanted of it.
#[derive(Clone, Copy)]
pub(super) struct RemoteRequest<'a> {
    pub job: &'a JobRequest,
    pub url: &'a Url,
    pub span: SpanRequest,
}

/// A way to get the chosen formats.
enum Strategy {
    /// By the index of the files.
    Indexed(VideoAndAudio<RemoteAddress>),
    /// By lists of segments.
    Segmented(SegmentedRequest),
    /// The source downloads them itself.
    SourceDownload,
}

/// Resolves the source and fetches what is wanted of it.
///
/// # Errors
/// Those of sources and of ffmpeg; `still_live` when the span will be in the
/// recording of a live stream.
pub(super) async fn fetch_remote(
    pipeline: &PipelineContext,
    request: RemoteRequest<'_>,
    progress: &ProgressReporter,
    on_early_start: OnEarlyStart<'_>,
) -> Result<Fetched, Error> {
    let source =
        pipeline.registry.source_for(request.url).await.ok_or_else(|| {
            Error::never(Code::UnsupportedUrl, "no source here knows this address")
        })?;
    let info = source.resolve(request.url, ResolveOptions::default()).await?;
    let plan = FetchPlan::new(request, &info)?;
    let on_partial_file =
        |file: PartialFile| on_early_start(EarlyStart::new(request.job, plan.span, file));
    let max_bytes = pipeline.settings.max_download_bytes;
    let transfer =
        TransferContext::new(pipeline.client.clone(), &pipeline.settings.fetch, max_bytes);
    let context = FetchContext {
        pipeline,
        transfer: Arc::new(transfer),
        source: &source,
        url: request.url,
        info: &info,
        choice: plan.choice,
        span: plan.span,
        is_running: plan.is_running,
        folder: &request.job.folder,
        progress,
        on_partial_file: &on_partial_file,
        downloads_whole: AtomicBool::new(false),
        has_guessed_times: AtomicBool::new(false),
    };
    let got = try_in_order(&context, plan.strategies).await?;
    Ok(fetched(&context, request.job, got, plan.note))
}

/// What is fetched, and in which ways.
struct FetchPlan<'a> {
    choice: FormatChoice<'a>,
    span: Option<Span>,
    is_running: bool,
    /// The first one that works is used.
    strategies: Vec<Strategy>,
    note: Option<String>,
}

impl<'a> FetchPlan<'a> {
    fn new(request: RemoteRequest<'_>, info: &'a MediaInfo) -> Result<FetchPlan<'a>, Error> {
        let ResolvedSpan { span, mut note } = span::resolve(request.span, info)?;
        let preference = preference(&request.job.rendition);
        let choice = select_formats(&info.formats, preference).ok_or_else(|| no_video("source"))?;
        let is_running = matches!(info.live, Live::Running { .. });
        let files = choice.locate(file_address);
        let streams = choice.locate(stream_address);
        let is_fetchable = files.is_some() || streams.is_some();
        if is_running && (!is_fetchable || span.is_none()) {
            return Err(still_live());
        }
        let live =
            (is_running && files.is_none()).then(|| span::resolve_live(request.span, info, span));
        if live.is_some_and(|live| live.epoch_micros.is_some()) {
            // The span of a moment is exact then.
            note = None;
        }
        let timeline = live.map(|live| LiveTimeline { epoch_micros: live.epoch_micros });
        let segmented =
            |streams| Strategy::Segmented(SegmentedRequest { streams, preference, timeline });
        let by_bytes = files.map(Strategy::Indexed).or_else(|| streams.map(segmented));
        // A source downloads no live stream.
        let by_source = (!is_running).then_some(Strategy::SourceDownload);
        let span = live.map_or(span, |live: LiveSpan| live.span);
        let strategies = by_bytes.into_iter().chain(by_source).collect();
        Ok(FetchPlan { choice, span, is_running, strategies, note })
    }
}

/// The formats that a rendition is best made of.
fn preference(rendition: &Rendition) -> FormatPreference {
    match rendition {
        Rendition::Clip { format, resolution } => {
            FormatPreference { format: *format, resolution: *resolution }
        }
        Rendition::Encode { .. } => {
            FormatPreference { format: OutputFormat::Best, resolution: Resolution::Best }
        }
    }
}

/// What a strategy got.
struct Got {
    media: LocalMedia,
    is_by_source: bool,
    /// Why the first strategy did not work, if another one did.
    first_failure: Option<Error>,
}

/// Tries strategies until one works, or fails in a way that the next one would not
/// mend. The error is that of the first one that was tried: it is the most telling.
async fn try_in_order(context: &FetchContext<'_>, strategies: Vec<Strategy>) -> Result<Got, Error> {
    let mut first_failure = None;
    for strategy in strategies {
        let is_by_source = matches!(strategy, Strategy::SourceDownload);
        let is_live = strategy.is_live();
        let error = match Box::pin(strategy.run(context)).await {
            Ok(media) => return Ok(Got { media, is_by_source, first_failure }),
            Err(error) => error,
        };
        if is_live && recording_may_do_better(&error) {
            tracing::info!(error = %error.chain(), "the live stream can't be cut");
            return Err(still_live().caused_by(error));
        }
        let can_go_on = source_may_do_better(&error);
        if first_failure.is_some() || can_go_on {
            tracing::info!(error = %error.chain(), "a way of fetching failed");
        }
        let error = first_failure.unwrap_or(error);
        if !can_go_on {
            return Err(error);
        }
        first_failure = Some(error);
    }
    Err(first_failure.unwrap_or_else(still_live))
}

impl Strategy {
    /// Whether it reads a live stream's list of segments.
    fn is_live(&self) -> bool {
        matches!(self, Strategy::Segmented(request) if request.timeline.is_some())
    }

    async fn run(self, context: &FetchContext<'_>) -> Result<LocalMedia, Error> {
        match self {
            Strategy::Indexed(addresses) => {
                let files = indexed_files(context, addresses);
                context.run(Box::pin(fetch_indexed(context, &files))).await
            }
            Strategy::Segmented(request) => {
                context.run(Box::pin(fetch_segmented(context, request))).await
            }
            Strategy::SourceDownload => download_by_source(context).await,
        }
    }
}

/// The files of the chosen formats.
fn indexed_files<'a>(
    context: &FetchContext<'a>,
    addresses: VideoAndAudio<RemoteAddress>,
) -> VideoAndAudio<IndexedFile<'a>> {
    let tracks = addresses.video_tracks();
    let video = IndexedFile {
        address: addresses.video,
        format_id: &context.choice.video.id,
        stem: context.folder.join("video"),
        tracks,
    };
    let audio = addresses.audio.zip(context.choice.audio).map(|(address, format)| IndexedFile {
        address,
        format_id: &format.id,
        stem: context.folder.join("audio"),
        tracks: WantedTracks::AUDIO,
    });
    VideoAndAudio { video, audio }
}

/// Whether our own reader failed, or the server refused us an address that the
/// source has just given: the source may get the video in its own way.
fn source_may_do_better(error: &Error) -> bool {
    matches!(
        error.code,
        Code::NotMedia | Code::EncodeFailed | Code::CutMismatch | Code::PrivateVideo
    )
}

/// Whether a live stream's recording may do better: it is another file, and what
/// has left the stream's window is in it.
fn recording_may_do_better(error: &Error) -> bool {
    source_may_do_better(error) || error.code == Code::RemovedVideo
}

fn fetched(
    context: &FetchContext<'_>,
    job: &JobRequest,
    got: Got,
    span_note: Option<String>,
) -> Fetched {
    let mut notes: Vec<String> = span_note.into_iter().collect();
    if got.is_by_source {
        let reason = got.first_failure.map(|error| format!(": {}", error.message));
        let reason = reason.unwrap_or_default();
        notes.push(format!("the source's own download was used{reason}"));
    }
    if context.downloads_whole.load(Ordering::Relaxed) {
        let note =
            "all of the source was downloaded, because it has no index that can be read here";
        notes.push(note.to_owned());
    }
    if context.has_guessed_times.load(Ordering::Relaxed) {
        let note = "the stream does not tell its time, so the clip may be off by some seconds";
        notes.push(note.to_owned());
    }
    // What the source downloads itself is known by its files only.
    let by_source_bytes = if got.is_by_source { got.media.bytes() } else { 0 };
    Fetched {
        received_bytes: context.transfer.budget.received() + by_source_bytes,
        rendition: job.rendition.clone(),
        span: context.span,
        available_formats: Some(offered_heights(&context.info.formats)),
        note: (!notes.is_empty()).then(|| notes.join("; ")),
        media: got.media,
        folder: job.folder.clone(),
        saving: None,
        early_head: None,
    }
}
