//! Downloads that the source makes itself: where the host has no way to get a part
//! of a file.

use std::path::PathBuf;

use clipmill_core::probe::Probe;
use clipmill_core::{Code, Error, Span};
use clipmill_plugins::{FetchProgress, OpaqueFetch};

use super::context::FetchContext;
use super::tracks::WantedTracks;
use crate::ffmpeg::Input;
use crate::local_media::{LocalMedia, MediaFile};
use crate::progress::ProgressReporter;
use crate::progress::{eta_text, rate_text};
use crate::workspace;

/// Lets the source download the chosen formats to a folder of their own.
///
/// # Errors
/// Those of sources; `no_video`, `cut_mismatch`.
pub(super) async fn download_by_source(context: &FetchContext<'_>) -> Result<LocalMedia, Error> {
    // What an earlier attempt left would be taken for the result.
    let folder = context.folder.join("own");
    workspace::renew(&folder).await?;
    let path = download(context, folder).await?;
    let input = Input::file(&path).await?;
    let probe = context.pipeline.tools.probe_input(&input).await?;
    WantedTracks { video: true, audio: true }.check(&probe)?;
    let mut file = MediaFile::whole(&path, input.demuxer, probe);
    if let Some(span) = context.span {
        check_keeps_clock(&file.probe, span)?;
        file.zero_micros = 0;
    }
    Ok(LocalMedia { video: file, audio: None })
}

async fn download(context: &FetchContext<'_>, folder: PathBuf) -> Result<PathBuf, Error> {
    let formats = std::iter::once(context.choice.video).chain(context.choice.audio);
    let request = OpaqueFetch {
        url: context.url.clone(),
        formats: formats.map(|format| format.id.clone()).collect(),
        span: context.span.map(|span| (span.start, span.end)),
        folder,
        max_bytes: context.pipeline.settings.max_download_bytes,
    };
    context.source.fetch(&request, &|seen| report(context.progress, &seen)).await
}

fn report(progress: &ProgressReporter, seen: &FetchProgress) {
    let by_bytes =
        seen.total_bytes.filter(|all| *all > 0).map(|all| seen.bytes as f64 / all as f64);
    let percent = seen.fraction.or(by_bytes).unwrap_or(0.0) * 100.0;
    let eta = seen.eta.map(|eta| eta_text(eta.as_secs_f64()));
    progress.downloading(percent.min(99.0), seen.bytes_per_second.map(rate_text), eta);
}

/// Checks that a file with the source's clock holds the span's start.
///
/// # Errors
/// `cut_mismatch` when it does not: then it has a clock of its own.
fn check_keeps_clock(probe: &Probe, span: Span) -> Result<(), Error> {
    let end = probe.duration.map_or(f64::INFINITY, |duration| probe.start + duration);
    // The first frame of a video may be a little late.
    if probe.start <= span.start + 0.5 && span.start < end {
        return Ok(());
    }
    tracing::warn!(probe.start, end, wanted = span.start, "the part does not hold the span");
    Err(Error::never(Code::CutMismatch, "the source gave another part than was asked for"))
}
