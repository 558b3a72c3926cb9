//! What one fetch works with.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clipmill_core::probe::{Format, MediaInfo, Transport};
use clipmill_core::{Code, Error, Span};
use clipmill_plugins::{ResolveOptions, Source};
use url::Url;

use super::indexed::PartialFile;
use super::select_format::FormatChoice;
use super::transfer::{
    RemoteAddress, RenewAddress, TransferContext, TransferProgress, report_progress,
};
use crate::context::PipelineContext;
use crate::progress::ProgressReporter;
use crate::progress::{eta_text, rate_text};
use crate::workspace;

/// One fetch of a remote source.
pub(super) struct FetchContext<'a> {
    pub pipeline: &'a PipelineContext,
    /// What its transfers share.
    pub transfer: Arc<TransferContext>,
    pub source: &'a Arc<dyn Source>,
    /// The source's address, as the job names it.
    pub url: &'a Url,
    /// What the source says is there.
    pub info: &'a MediaInfo,
    /// The formats that are wanted.
    pub choice: FormatChoice<'a>,
    /// In the source's time; none when all of it is wanted.
    pub span: Option<Span>,
    /// Whether the source is a live stream that still grows.
    pub is_running: bool,
    /// Where files are written.
    pub folder: &'a Path,
    pub progress: &'a ProgressReporter,
    /// Is called when the first bytes of the video's file arrive.
    pub on_partial_file: &'a (dyn Fn(PartialFile) + Sync),
    /// Whether all of a file was downloaded, because its index can't be read here.
    pub downloads_whole: AtomicBool,
    /// Whether the times of a live stream had to be guessed.
    pub has_guessed_times: AtomicBool,
}

impl FetchContext<'_> {
    /// Runs downloads and reports their progress.
    ///
    /// # Errors
    /// Those of `downloads`; `disk_full` when it is known that they don't fit.
    pub async fn run<T>(
        &self,
        downloads: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let expected = self.expected_bytes();
        // A cast of a float saturates.
        workspace::room_for(self.folder, expected.unwrap_or(0.0) as u64)?;
        let budget = &self.transfer.budget;
        let report = |seen: TransferProgress| {
            let speed = Some(rate_text(seen.bytes_per_second));
            self.progress.downloading(seen.percent, speed, seen.seconds_left.map(eta_text));
        };
        report_progress(budget, expected, report, downloads).await
    }

    /// Bytes that will be needed, roughly.
    fn expected_bytes(&self) -> Option<f64> {
        let share = match (self.span, self.info.duration.filter(|duration| *duration > 0.0)) {
            (None, _) => Some(1.0),
            (Some(span), Some(all)) => Some(((span.end - span.start + 4.0) / all).min(1.0)),
            (Some(_), None) => None,
        };
        let bytes = |format: &Format| {
            let by_size = format.size.map(|size| size as f64);
            let by_rate = || Some(format.bitrate? / 8.0 * self.info.duration?);
            Some(by_size.or_else(by_rate)? * share?)
        };
        let audio = self.choice.audio.map_or(Some(0.0), bytes);
        Some(bytes(self.choice.video)? + audio?).filter(|all| *all > 0.0)
    }

    /// Resolves the source again when the address of a format has expired.
    pub fn renew_address(&self, format_id: &str) -> RenewAddress {
        let source = Arc::clone(self.source);
        let url = self.url.clone();
        let format_id = format_id.to_owned();
        Arc::new(move || {
            let (source, url, format_id) = (Arc::clone(&source), url.clone(), format_id.clone());
            Box::pin(async move {
                let info = source.resolve(&url, ResolveOptions { fresh: true }).await?;
                let found = info.formats.iter().find(|found| found.id == format_id);
                found.and_then(file_address).ok_or_else(|| {
                    Error::later(Code::SourceFailed, "the source does not offer this any more")
                })
            })
        })
    }

    /// Notes that the times of a live stream had to be guessed.
    pub fn note_guessed_times(&self) {
        self.has_guessed_times.store(true, Ordering::Relaxed);
    }
}

/// Where a format is, if it is one file.
pub(super) fn file_address(format: &Format) -> Option<RemoteAddress> {
    match &format.transport {
        Transport::Progressive { url, headers } => {
            Some(RemoteAddress { url: url.clone(), headers: headers.clone() })
        }
        Transport::Hls { .. } | Transport::Dash { .. } | Transport::Opaque => None,
    }
}
