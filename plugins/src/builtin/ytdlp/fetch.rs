//! Downloads by yt-dlp itself.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clipmill_core::probe::{Format, MediaInfo};
use clipmill_core::process::{self, Spec};
use clipmill_core::{Code, Error};
use tokio::time::{Instant, MissedTickBehavior};

use super::progress::Reporter;
use super::settings::YtDlpSettings;
use super::{args, errors, host};
use crate::{FetchProgress, OpaqueFetch};

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Runs the download and gives the file that it made.
pub(super) async fn fetch(
    settings: &YtDlpSettings,
    what: &OpaqueFetch,
    known: Option<&MediaInfo>,
    progress: &(dyn Fn(FetchProgress) + Send + Sync),
) -> Result<PathBuf, Error> {
    let url = host::canonical(&what.url)?;
    if !matches!(what.formats.len(), 1 | 2) || !what.formats.iter().all(|id| args::is_format_id(id))
    {
        return Err(Error::never(Code::SourceFailed, "these formats can't be asked for"));
    }
    let cookies = args::cookie_copy(settings.cookies_file.as_ref()).map_err(no_cookies)?;
    let mut spec = Spec::new(
        &settings.program,
        args::fetch(settings, cookies.as_deref(), &url, &what.formats, what.span),
        settings.fetch_deadline,
    );
    spec.env = args::environment();
    spec.cwd = Some(what.folder.clone());
    // The kernel stops a file between two looks at the folder.
    spec.limits.file_bytes = Some(what.max_bytes);

    let reporter = Reporter::new(progress, what.formats.len(), expected(what, known));
    let run = process::run_lines(spec, |line| reporter.line(line));
    let ended = tokio::select! {
        ended = run => ended.map_err(|failure| errors::from_failure(&failure)),
        stop = watch(what, settings.stall, &reporter) => Err(stop),
    };
    // A full disk of ours and a bound of ours look alike from inside yt-dlp.
    let size = size_of(what.folder.clone()).await;
    match ended {
        Ok(_) => result(&what.folder).await,
        Err(_) if size >= what.max_bytes => Err(too_large(what.max_bytes)),
        Err(error) => Err(error),
    }
}

/// Watches the folder; ends only with the reason to stop.
async fn watch(what: &OpaqueFetch, stall: Duration, reporter: &Reporter<'_>) -> Error {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut size, mut grew) = (0, Instant::now());
    loop {
        ticks.tick().await;
        let now = size_of(what.folder.clone()).await;
        if now > what.max_bytes {
            return too_large(what.max_bytes);
        }
        if now != size {
            (size, grew) = (now, Instant::now());
            reporter.folder(now);
        } else if grew.elapsed() > stall {
            return Error::later(
                Code::SourceTimeout,
                format!("nothing arrived for {} s", stall.as_secs_f64()),
            );
        }
    }
}

/// Bytes of the files in the folder; what vanishes meanwhile counts nothing.
async fn size_of(folder: PathBuf) -> u64 {
    let sum = move || -> io::Result<u64> {
        let mut sum = 0;
        for entry in std::fs::read_dir(folder)? {
            sum += entry.and_then(|entry| entry.metadata()).map_or(0, |meta| meta.len());
        }
        Ok(sum)
    };
    tokio::task::spawn_blocking(sum).await.ok().and_then(Result::ok).unwrap_or(0)
}

/// The one file that yt-dlp left: `source.EXT`, neither part nor fragment.
async fn result(folder: &Path) -> Result<PathBuf, Error> {
    let missing = || Error::later(Code::SourceFailed, "yt-dlp left no file");
    let mut entries = tokio::fs::read_dir(folder).await.map_err(|_| missing())?;
    while let Ok(Some(entry)) = entries.next_entry().await {
        let name = entry.file_name();
        let whole = name
            .to_str()
            .and_then(|name| name.strip_prefix("source."))
            .is_some_and(|extension| !extension.contains('.'));
        if whole && entry.metadata().await.is_ok_and(|meta| meta.is_file() && meta.len() > 0) {
            return Ok(entry.path());
        }
    }
    Err(missing())
}

/// Bytes that the span has by the formats' own words, roughly.
fn expected(what: &OpaqueFetch, known: Option<&MediaInfo>) -> Option<u64> {
    let known = known?;
    let bytes = |id: &String| {
        let format: &Format = known.formats.iter().find(|format| format.id == *id)?;
        let seconds = match (what.span, known.duration) {
            (Some((start, end)), Some(all)) => Some((end.min(all) - start).max(0.0)),
            (Some((start, end)), None) => Some(end - start),
            (None, all) => all,
        };
        let by_size = match (format.size, seconds, known.duration) {
            (Some(size), Some(seconds), Some(all)) if all > 0.0 => {
                Some(size as f64 * (seconds / all).min(1.0))
            }
            (Some(size), ..) if what.span.is_none() => Some(size as f64),
            _ => None,
        };
        by_size.or_else(|| Some(format.bitrate? / 8.0 * seconds?))
    };
    let sum: f64 = what.formats.iter().map(bytes).sum::<Option<f64>>()?;
    (sum >= 1.0).then_some(sum as u64)
}

fn too_large(max: u64) -> Error {
    Error::never(Code::TooLarge, format!("the download is larger than {max} bytes"))
}

pub(super) fn no_cookies(error: io::Error) -> Error {
    tracing::warn!(%error, "the cookie file can't be copied");
    Error::never(Code::SourceFailed, "the configured cookie file can't be read")
}
