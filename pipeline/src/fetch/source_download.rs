//! Downloads that the source makes itself: where the host has no way to get a
//! part of a file.

use std::path::Path;

use clipmill_core::probe::Probe;
use clipmill_core::{Code, Error, Span};
use clipmill_plugins::{FetchProgress, OpaqueFetch, Source};
use url::Url;

use crate::context::PipelineContext;
use crate::fetch::select_format::Choice;
use crate::ffmpeg::{Input, clock, no_video, rate};
use crate::local_media::{LocalMedia, MediaFile};
use crate::{ProgressReporter, workspace};

/// Lets the source download the formats to a folder of their own.
pub(super) async fn download(
    context: &PipelineContext,
    source: &dyn Source,
    url: &Url,
    choice: Choice<'_>,
    span: Option<Span>,
    folder: &Path,
    progress: &ProgressReporter,
) -> Result<LocalMedia, Error> {
    let folder = folder.join("own");
    // What an earlier attempt left would be taken for the result.
    match tokio::fs::remove_dir_all(&folder).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(workspace::explain(&error));
        }
        _ => workspace::prepare(&folder).await?,
    }
    let formats = std::iter::once(choice.video).chain(choice.audio);
    let what = OpaqueFetch {
        url: url.clone(),
        formats: formats.map(|format| format.id.clone()).collect(),
        span: span.map(|span| (span.start, span.end)),
        folder,
        max_bytes: context.settings.max_download_bytes,
    };
    let path = source.fetch(&what, &|seen| report(progress, &seen)).await?;
    let input = Input::file(&path).await?;
    let probe = context.tools.inspect(&input).await?;
    if probe.video.is_none() {
        return Err(no_video("source"));
    }
    let mut file = MediaFile::whole(&path, input.demuxer, probe);
    if let Some(span) = span {
        keeps_clock(&file.probe, span)?;
        file.zero_micros = 0;
    }
    Ok(LocalMedia { video: file, audio: None })
}

fn report(progress: &ProgressReporter, seen: &FetchProgress) {
    let by_bytes =
        seen.total_bytes.filter(|all| *all > 0).map(|all| seen.bytes as f64 / all as f64);
    let percent = seen.fraction.or(by_bytes).unwrap_or(0.0) * 100.0;
    let eta = seen.eta.map(|eta| clock(eta.as_secs_f64()));
    progress.downloading(percent.min(99.0), seen.bytes_per_second.map(rate), eta);
}

/// Checks that a file with the source's clock holds the span's beginning.
///
/// # Errors
/// `cut_mismatch` when it does not: then it has a clock of its own.
fn keeps_clock(probe: &Probe, span: Span) -> Result<(), Error> {
    let end = probe.duration.map_or(f64::INFINITY, |duration| probe.start + duration);
    // The first frame of a video may be a little late.
    if probe.start <= span.start + 0.5 && span.start < end {
        return Ok(());
    }
    tracing::warn!(probe.start, end, wanted = span.start, "the part does not hold the span");
    Err(Error::never(Code::CutMismatch, "the source gave another part than was asked for"))
}
