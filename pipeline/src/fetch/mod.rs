//! Getting the bytes that a span needs.
//!
//! Local files stay where they are. Of a remote file that can be had over
//! HTTP, its index tells what a span needs, and only that is got, over several
//! connections. Where the index is not understood, a relay on the loopback
//! address serves ffmpeg what it asks for. Everything else the source downloads
//! itself.

use clipmill_core::{Code, Error, Span};

mod checkpoint;
mod context;
mod indexed;
mod relay;
mod segmented;
mod select_format;
mod source_download;
mod span;
mod strategy;
mod transfer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clipmill_core::probe::Live;
use clipmill_plugins::ResolveOptions;
use url::Url;

use self::context::Means;
pub(crate) use self::indexed::early_start::Begun;
use self::indexed::early_start::Filling;
use self::segmented::{hls, live as streams};
use self::strategy::{Job, remotes};
use super::{
    Fetched, JobRequest, ProgressReporter, Rendition, SourceRequest, SpanRequest, workspace,
};
use crate::context::PipelineContext;
use crate::ffmpeg::{Input, no_video};
use crate::local_media::{LocalMedia, MediaFile};
use crate::store_retry::until_store_answers;

/// Is told of a fetch whose bytes begin to come, at most once.
pub(super) type OnBegun<'a> = &'a (dyn Fn(Begun) + Sync);

/// Gets the bytes, or finds those of an earlier attempt.
pub(super) async fn fetch(
    context: &PipelineContext,
    ask: JobRequest,
    progress: &ProgressReporter,
    begun: OnBegun<'_>,
) -> Result<Fetched, Error> {
    workspace::prepare(&ask.folder).await?;
    let work = async {
        match &ask.source {
            SourceRequest::Local { path, span } => local(context, &ask, path, *span).await,
            SourceRequest::Stored { store, name } => {
                let brought = until_store_answers(|| store.bring(name, &ask.folder)).await?;
                let path = brought.ok_or_else(|| {
                    Error::never(Code::FileGone, "the uploaded file is no longer there")
                })?;
                local(context, &ask, &path, None).await
            }
            SourceRequest::Remote { url, span } => {
                if let Some(fetched) = checkpoint::load(&ask).await {
                    tracing::info!("an earlier attempt has fetched it already");
                    return Ok(fetched);
                }
                workspace::renew(&ask.folder).await?;
                // Boxed here and below, because all that may become of a fetch would
                // be a large part of a thread's stack.
                let fetched = Box::pin(remote(context, &ask, url, *span, progress, begun)).await?;
                progress.downloading(100.0, None, None);
                Ok(Fetched { saving: Some(checkpoint::save(&ask, &fetched)), ..fetched })
            }
        }
    };
    tokio::time::timeout(context.settings.stage_deadline, work)
        .await
        .map_err(|_| Error::later(Code::StageTimeout, "getting the video took too long"))?
}

async fn local(
    context: &PipelineContext,
    ask: &JobRequest,
    path: &Path,
    wanted: Option<Span>,
) -> Result<Fetched, Error> {
    let (input, probe) = (Input::file(path).await?, context.tools.probe(path).await?);
    let span = match wanted {
        Some(span) => Some(span::clip(span, probe.duration)?),
        None => None,
    };
    let media = LocalMedia { video: MediaFile::whole(path, input.demuxer, probe), audio: None };
    Ok(Fetched {
        received_bytes: 0,
        rendition: ask.rendition.clone(),
        span,
        available_formats: None,
        note: None,
        media,
        folder: ask.folder.clone(),
        saving: None,
        early_head: None,
    })
}

async fn remote(
    context: &PipelineContext,
    ask: &JobRequest,
    url: &Url,
    wanted: SpanRequest,
    progress: &ProgressReporter,
    begun: OnBegun<'_>,
) -> Result<Fetched, Error> {
    let source =
        context.registry.source_for(url).await.ok_or_else(|| {
            Error::never(Code::UnsupportedUrl, "no source here knows this address")
        })?;
    let info = source.resolve(url, ResolveOptions::default()).await?;
    let (span, mut note) = span::resolve(wanted, &info)?;
    let (format, max_height) = match &ask.rendition {
        Rendition::Clip { format, resolution } => (format.as_str(), resolution.max_height()),
        Rendition::Encode { .. } => ("best", None),
    };
    let choice = select_format::choose(&info.formats, format, max_height)
        .ok_or_else(|| no_video("source"))?;
    let running = matches!(info.live, Live::Running { .. });
    let remotes = remotes(choice);
    let streams = streams::of(choice);
    if running && (remotes.is_none() && streams.is_none() || span.is_none()) {
        return Err(span::still_live());
    }
    let (span, live) = match running && remotes.is_none() {
        true => {
            let (span, epoch_micros) = span::running(wanted, &info, span);
            // A moment has its own clock then.
            note = note.filter(|_| epoch_micros.is_none());
            (span, Some(hls::Running { epoch_micros }))
        }
        false => (span, None),
    };
    let means = Arc::new(Means::new(context));
    let received = Arc::clone(&means);
    let on_begun = |file: Filling| begun(Begun::of(ask, span, file));
    let job = Job {
        context,
        source: &source,
        url,
        info: &info,
        choice,
        span,
        running,
        means,
        begun: &on_begun,
    };
    let taste = hls::Taste { format, max_height };
    let got = match (remotes, streams) {
        (Some(remotes), _) => Some(Box::pin(job.progressive(remotes, &ask.folder, progress)).await),
        (None, Some(streams)) => {
            Some(Box::pin(job.segmented(streams, taste, live, &ask.folder, progress)).await)
        }
        (None, None) => None,
    };
    let (media, own_download) = match got {
        Some(Ok(media)) => (media, None),
        // The recording will be there in another form.
        Some(Err(error)) if live.is_some() && may_come(&error) => {
            tracing::info!(%error, "the running stream can't be cut");
            return Err(span::still_live());
        }
        Some(Err(error)) if !is_ours(&error) || running => return Err(error),
        got => {
            let download = Box::pin(source_download::download(
                context,
                &*source,
                url,
                choice,
                span,
                &ask.folder,
                progress,
            ))
            .await;
            match (download, got) {
                (Ok(media), got) => (media, Some(got.and_then(Result::err))),
                // The first reason is the better one.
                (Err(_), Some(Err(error))) => return Err(error),
                (Err(error), _) => return Err(error),
            }
        }
    };
    let mut tell = |what: &str| {
        note = Some(note.take().map_or_else(|| what.to_owned(), |note| format!("{note}; {what}")));
    };
    let is_own = own_download.is_some();
    match own_download {
        Some(Some(error)) => {
            tell(&format!("the source's own download was used: {}", error.message));
        }
        Some(None) => tell("the source's own download was used"),
        None => {}
    }
    if received.guessed.load(Ordering::Relaxed) {
        tell("the stream does not tell its time, so the clip may be off by some seconds");
    }
    // What the source downloads itself is known by its files only.
    let own_bytes = if is_own { media.bytes() } else { 0 };
    Ok(Fetched {
        received_bytes: received.budget.received() + own_bytes,
        rendition: ask.rendition.clone(),
        span,
        available_formats: Some(select_format::heights(&info.formats)),
        note,
        media,
        folder: ask.folder.clone(),
        saving: None,
        early_head: None,
    })
}

/// Whether a running stream's recording may do better: it is another file, and
/// what has left the stream's window is in it.
fn may_come(error: &Error) -> bool {
    is_ours(error) || error.code == Code::RemovedVideo
}

/// Whether the source may do better itself: where our skill does not reach, or
/// where the server refuses us an address that the source has just given.
fn is_ours(error: &Error) -> bool {
    matches!(
        error.code,
        Code::NotMedia | Code::EncodeFailed | Code::CutMismatch | Code::PrivateVideo
    )
}
