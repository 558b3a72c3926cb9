//! Downloads that the source makes itself: where the host has no way to get a
//! part of a file.

use std::path::Path;

use clipmill_plugins::media::Probe;
use clipmill_plugins::{FetchProgress, OpaqueFetch, Source};
use clipmill_storage::Span;
use url::Url;

use super::choose::Choice;
use crate::ffmpeg::{Input, clock, rate};
use crate::pipeline::media::{Media, MediaFile};
use crate::pipeline::street::Shop;
use crate::pipeline::{Gauge, StageError, workspace};

/// Lets the source download the formats to a folder of their own.
pub(super) async fn download(
    shop: &Shop,
    source: &dyn Source,
    url: &Url,
    choice: Choice<'_>,
    span: Option<Span>,
    folder: &Path,
    gauge: &Gauge,
) -> Result<Media, StageError> {
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
        max_bytes: shop.clips.max_download_mb.saturating_mul(1024 * 1024),
    };
    let path = source.fetch(&what, &|seen| report(gauge, &seen)).await?;
    let input = Input::file(&path).await?;
    let probe = shop.tools.inspect(&input).await?;
    if probe.video.is_none() {
        return Err(StageError::never("no_video", "the source holds no moving picture"));
    }
    let mut file = MediaFile::whole(&path, input.demuxer, probe);
    if let Some(span) = span {
        keeps_clock(&file.probe, span)?;
        file.zero_micros = 0;
    }
    Ok(Media { video: file, audio: None })
}

fn report(gauge: &Gauge, seen: &FetchProgress) {
    let by_bytes =
        seen.total_bytes.filter(|all| *all > 0).map(|all| seen.bytes as f64 / all as f64);
    let percent = seen.fraction.or(by_bytes).unwrap_or(0.0) * 100.0;
    let eta = seen.eta.map(|eta| clock(eta.as_secs_f64()));
    gauge.downloading(percent.min(99.0), seen.bytes_per_second.map(rate), eta);
}

/// Checks that a file with the source's clock holds the span's beginning.
///
/// # Errors
/// `cut_mismatch` when it does not: then it has a clock of its own.
fn keeps_clock(probe: &Probe, span: Span) -> Result<(), StageError> {
    let end = probe.duration.map_or(f64::INFINITY, |duration| probe.start + duration);
    // The first frame of a video may be a little late.
    if probe.start <= span.start + 0.5 && span.start < end {
        return Ok(());
    }
    tracing::warn!(probe.start, end, wanted = span.start, "the part does not hold the span");
    Err(StageError::never("cut_mismatch", "the source gave another part than was asked for"))
}
