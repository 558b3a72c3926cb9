//! Gets the bytes that a span needs.
//!
//! Local files stay where they are. Of a remote file that can be had over HTTP,
//! the index states what a span needs, and only that is downloaded, over several
//! connections ([`indexed`]). Of a stream, the segments that hold the span are
//! downloaded and joined ([`segmented`]). Where an index can't be read, all of the
//! file is downloaded, or a relay on the loopback address serves ffmpeg what it
//! requests ([`relay`]), where its copy of a part shows the same. Everything else
//! the source downloads itself. [`strategy`] chooses among these; [`transfer`] is
//! the download engine below all of them.

mod checkpoint;
mod context;
mod indexed;
mod relay;
mod segmented;
mod select_format;
mod source_download;
mod span;
mod strategy;
mod tracks;
mod transfer;

use std::path::Path;

use clipmill_core::probe::Container;
use clipmill_core::{Code, Error, Span};

pub(crate) use self::indexed::EarlyStart;
use self::strategy::{OnEarlyStart, RemoteRequest, fetch_remote};
use crate::artifact_store::until_store_answers;
use crate::context::PipelineContext;
use crate::ffmpeg::Input;
use crate::local_media::{LocalMedia, MediaFile};
use crate::progress::ProgressReporter;
use crate::request::{JobRequest, SourceRequest};
use crate::stages::Fetched;
use crate::workspace;

/// Gets the bytes, or finds those of an earlier attempt.
pub(crate) async fn fetch(
    context: &PipelineContext,
    request: JobRequest,
    progress: &ProgressReporter,
    on_early_start: OnEarlyStart<'_>,
) -> Result<Fetched, Error> {
    workspace::prepare(&request.folder).await?;
    let work = async {
        match &request.source {
            SourceRequest::Local { path, span } => local(context, &request, path, *span).await,
            SourceRequest::Stored { store, name } => {
                let brought = until_store_answers(|| store.bring(name, &request.folder)).await?;
                let path = brought.ok_or_else(|| {
                    Error::never(Code::FileGone, "the uploaded file is no longer there")
                })?;
                local(context, &request, &path, None).await
            }
            SourceRequest::Remote { url, span } => {
                if let Some(fetched) = checkpoint::load(&request).await {
                    tracing::info!("an earlier attempt has fetched the files already");
                    return Ok(fetched);
                }
                workspace::renew(&request.folder).await?;
                let remote = RemoteRequest { job: &request, url, span: *span };
                // Boxed here and below, because the state of all strategies would be a
                // large part of a thread's stack.
                let fetched = fetch_remote(context, remote, progress, on_early_start);
                let fetched = Box::pin(fetched).await?;
                progress.downloading(100.0, None, None);
                let saving = Some(checkpoint::save(&request, &fetched));
                Ok(Fetched { saving, ..fetched })
            }
        }
    };
    tokio::time::timeout(context.settings.stage_deadline, work)
        .await
        .map_err(|_| Error::later(Code::StageTimeout, "getting the video took too long"))?
}

/// A local file, which stays where it is.
async fn local(
    context: &PipelineContext,
    request: &JobRequest,
    path: &Path,
    wanted: Option<Span>,
) -> Result<Fetched, Error> {
    let (input, probe) = (Input::file(path).await?, context.tools.probe(path).await?);
    let span = match wanted {
        // Of MP4 the sample tables say how long it is. Other headers may be wrong, and
        // then only the frames say where it ends.
        Some(span) => {
            let is_exact = probe.container == Container::Mp4;
            Some(span::clip(span, probe.duration.filter(|_| is_exact))?)
        }
        None => None,
    };
    let media = LocalMedia { video: MediaFile::whole(path, input.demuxer, probe), audio: None };
    Ok(Fetched {
        received_bytes: 0,
        rendition: request.rendition.clone(),
        span,
        available_formats: None,
        note: None,
        media,
        folder: request.folder.clone(),
        saving: None,
        early_head: None,
    })
}
