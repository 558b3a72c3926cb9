//! Getting the bytes that a span needs.
//!
//! Local files stay where they are. Of a remote file that can be had over
//! HTTP, its index tells what a span needs, and only that is got, over several
//! connections. Where the index is not understood, a relay on the loopback
//! address serves ffmpeg what it asks for. Everything else the source downloads
//! itself.

mod address;
mod begun;
mod budget;
mod choose;
mod dash;
mod gather;
mod hls;
mod job;
mod lanes;
mod line;
mod manifest;
mod means;
mod meter;
mod opening;
mod own;
mod pace;
mod part;
mod pieces;
mod progressive;
mod reader;
mod relay;
mod request;
mod retry;
mod segments;
mod share;
mod span;
mod streams;
mod upstream;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clipmill_plugins::ResolveOptions;
use clipmill_plugins::media::Live;
use clipmill_storage::Span;
use url::Url;

pub(super) use self::begun::Begun;
use self::begun::Filling;
use self::job::{Job, remotes};
use self::means::Means;
use super::media::{Media, MediaFile};
use super::patience::patiently;
use super::street::Shop;
use super::{Ask, Fetched, Gauge, Rendition, SourceAsk, SpanAsk, StageError, workspace};
use crate::ffmpeg::Input;

/// Is told of a fetch whose bytes begin to come, at most once.
pub(super) type OnBegun<'a> = &'a (dyn Fn(Begun) + Sync);

/// Gets the bytes, or finds those of an earlier attempt.
pub(super) async fn fetch(
    shop: &Shop,
    ask: Ask,
    gauge: &Gauge,
    begun: OnBegun<'_>,
) -> Result<Fetched, StageError> {
    workspace::prepare(&ask.folder).await?;
    let work = async {
        match &ask.source {
            SourceAsk::Local { path, span } => local(shop, &ask, path, *span).await,
            SourceAsk::Stored { store, name } => {
                let brought = patiently(|| store.bring(name, &ask.folder)).await?;
                let path = brought.ok_or_else(|| {
                    StageError::never("file_gone", "the uploaded file is no longer there")
                })?;
                local(shop, &ask, &path, None).await
            }
            SourceAsk::Remote { url, span } => {
                if let Some(fetched) = manifest::load(&ask).await {
                    tracing::info!("an earlier attempt has fetched it already");
                    return Ok(fetched);
                }
                workspace::renew(&ask.folder).await?;
                // Boxed here and below, because all that may become of a fetch would
                // be a large part of a thread's stack.
                let fetched = Box::pin(remote(shop, &ask, url, *span, gauge, begun)).await?;
                gauge.downloading(100.0, None, None);
                Ok(Fetched { saving: Some(manifest::save(&ask, &fetched)), ..fetched })
            }
        }
    };
    tokio::time::timeout(shop.stage_deadline(), work)
        .await
        .map_err(|_| StageError::later("stage_timeout", "getting the video took too long"))?
}

async fn local(
    shop: &Shop,
    ask: &Ask,
    path: &Path,
    wanted: Option<Span>,
) -> Result<Fetched, StageError> {
    let (input, probe) = (Input::file(path).await?, shop.tools.probe(path).await?);
    let span = match wanted {
        Some(span) => Some(span::clip(span, probe.duration)?),
        None => None,
    };
    let media = Media { video: MediaFile::whole(path, input.demuxer, probe), audio: None };
    Ok(Fetched {
        received_bytes: 0,
        rendition: ask.rendition.clone(),
        span,
        available_formats: None,
        note: None,
        media,
        folder: ask.folder.clone(),
        saving: None,
        ahead: None,
    })
}

async fn remote(
    shop: &Shop,
    ask: &Ask,
    url: &Url,
    wanted: SpanAsk,
    gauge: &Gauge,
    begun: OnBegun<'_>,
) -> Result<Fetched, StageError> {
    let source =
        shop.registry.source_for(url).await.ok_or_else(|| {
            StageError::never("unsupported_url", "no source here knows this address")
        })?;
    let info = source.resolve(url, ResolveOptions::default()).await?;
    let (span, mut note) = span::resolve(wanted, &info)?;
    let (format, max_height) = match &ask.rendition {
        Rendition::Clip { format, max_height } => (format.as_str(), *max_height),
        Rendition::Encode { .. } => ("best", None),
    };
    let choice = choose::choose(&info.formats, format, max_height)
        .ok_or_else(|| StageError::never("no_video", "the source offers no moving picture"))?;
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
    let means = Arc::new(Means::new(shop));
    let received = Arc::clone(&means);
    let on_begun = |file: Filling| begun(Begun::of(ask, span, file));
    let job = Job {
        shop,
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
        (Some(remotes), _) => Some(Box::pin(job.progressive(remotes, &ask.folder, gauge)).await),
        (None, Some(streams)) => {
            Some(Box::pin(job.segmented(streams, taste, live, &ask.folder, gauge)).await)
        }
        (None, None) => None,
    };
    let (media, own) = match got {
        Some(Ok(media)) => (media, false),
        // The recording will be there in another form.
        Some(Err(error)) if live.is_some() && may_come(&error) => {
            tracing::info!(%error, "the running stream can't be cut");
            return Err(span::still_live());
        }
        Some(Err(error)) if !is_ours(&error) || running => return Err(error),
        got => {
            let download =
                Box::pin(own::download(shop, &*source, url, choice, span, &ask.folder, gauge))
                    .await;
            match (download, got) {
                (Ok(media), _) => (media, true),
                // The first reason is the better one.
                (Err(_), Some(Err(error))) => return Err(error),
                (Err(error), _) => return Err(error),
            }
        }
    };
    let mut tell = |what: &str| {
        note = Some(note.take().map_or_else(|| what.to_owned(), |note| format!("{note}; {what}")));
    };
    if own {
        tell("the source's own download was used");
    }
    if received.guessed.load(Ordering::Relaxed) {
        tell("the stream does not tell its time, so the clip may be off by some seconds");
    }
    // What the source downloads itself is known by its files only.
    let own_bytes = if own { media.bytes() } else { 0 };
    Ok(Fetched {
        received_bytes: received.budget.received() + own_bytes,
        rendition: ask.rendition.clone(),
        span,
        available_formats: Some(choose::heights(&info.formats)),
        note,
        media,
        folder: ask.folder.clone(),
        saving: None,
        ahead: None,
    })
}

/// Whether a running stream's recording may do better: it is another file, and
/// what has left the stream's window is in it.
fn may_come(error: &StageError) -> bool {
    is_ours(error) || error.code == "removed_video"
}

/// Whether the source may do better itself: where our skill does not reach, or
/// where the server refuses us an address that the source has just given.
fn is_ours(error: &StageError) -> bool {
    matches!(error.code, "not_media" | "encode_failed" | "cut_mismatch" | "private_video")
}
