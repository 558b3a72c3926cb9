//! The source `ytdlp`: every site that yt-dlp knows, within the configured
//! hosts.
//!
//! It runs the program and reads what it says. It never imports its cookies or
//! configuration, and leaves the fetching of ordinary formats to the host.

use clipmill_core::{Code, Error, Retry};

mod args;
mod errors;
mod fetch;
mod host;
mod info;
mod json;
mod progress;
mod settings;
#[cfg(test)]
mod tests;
mod version;
pub mod youtube;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::Utc;
use moka::Expiry;
use moka::future::Cache;
use tokio::sync::{OnceCell, Semaphore};
use url::Url;

use crate::{FetchProgress, OpaqueFetch, ResolveOptions, Source, SourceDescription};
use clipmill_core::net;
use clipmill_core::probe::{Live, MediaInfo};
use clipmill_core::process::{self, Spec};

pub use settings::YtDlpSettings;
pub use version::{OLDEST, Version, check as check_version};

/// Most bytes of JSON about one video.
const MAX_JSON: usize = 64 * 1024 * 1024;

/// Most videos that are remembered.
const CACHED: u64 = 256;

/// How long a final error is remembered.
const ERROR_KEPT: Duration = Duration::from_secs(30);

/// How long a running stream is remembered: it may end any time.
const LIVE_KEPT: Duration = Duration::from_secs(60);

/// Addresses are not handed out in their last moments.
const EXPIRY_MARGIN: Duration = Duration::from_secs(60);

/// An answer that is remembered, and for how long.
#[derive(Debug, Clone)]
struct Known {
    answer: Result<Arc<MediaInfo>, Error>,
    keep: Duration,
}

struct KeepAsTold;

impl Expiry<String, Known> for KeepAsTold {
    fn expire_after_create(&self, _: &String, known: &Known, _: Instant) -> Option<Duration> {
        Some(known.keep)
    }
}

/// The source. Cheap to share; one is enough.
pub struct YtDlp {
    settings: YtDlpSettings,
    hosts: host::ClaimedHosts,
    known: Cache<String, Known>,
    turns: Semaphore,
    version: OnceCell<Version>,
}

impl YtDlp {
    /// A source with these settings. Doesn't run anything yet.
    pub fn new(settings: YtDlpSettings) -> YtDlp {
        YtDlp {
            hosts: host::ClaimedHosts::new(&settings.hosts),
            known: Cache::builder().max_capacity(CACHED).expire_after(KeepAsTold).build(),
            turns: Semaphore::new(settings.max_processes.max(1)),
            version: OnceCell::new(),
            settings,
        }
    }

    /// The version of the program, asked once until it is known.
    ///
    /// # Errors
    /// As [`check_version`].
    pub async fn version(&self) -> Result<Version, Error> {
        self.version.get_or_try_init(|| version::check(&self.settings.program)).await.copied()
    }

    /// Runs yt-dlp for an answer to remember; an error that may pass is not.
    async fn resolve_uncached(&self, url: &Url) -> Result<Known, Error> {
        let wait = tokio::time::timeout(self.settings.queue_wait, self.turns.acquire());
        let _turn = wait.await.ok().and_then(Result::ok).ok_or_else(|| {
            Error::later(Code::SourceTimeout, "too many addresses are looked up at once")
        })?;
        match self.run(url).await {
            Ok(info) => {
                let left = info.expires_at.and_then(|at| (at - Utc::now()).to_std().ok());
                let left = left.unwrap_or_default().saturating_sub(EXPIRY_MARGIN);
                let running = matches!(info.live, Live::Running { .. });
                let keep = if running { left.min(LIVE_KEPT) } else { left };
                Ok(Known { answer: Ok(Arc::new(info)), keep })
            }
            // A missing tool is there as soon as an operator installs it.
            Err(error) if error.retry == Retry::Never && error.code != Code::ToolMissing => {
                Ok(Known { answer: Err(error), keep: ERROR_KEPT })
            }
            Err(error) => Err(error),
        }
    }

    async fn run(&self, url: &Url) -> Result<MediaInfo, Error> {
        self.version().await?;
        let cookies =
            args::cookie_copy(self.settings.cookies_file.as_ref()).map_err(fetch::no_cookies)?;
        let mut spec = Spec::new(
            &self.settings.program,
            args::resolve(&self.settings, cookies.as_deref(), url),
            self.settings.resolve_deadline,
        );
        spec.env = args::environment();
        let began = Instant::now();
        let output = process::run(spec, MAX_JSON).await;
        tracing::debug!(
            source.host = url.host_str(),
            duration_ms = began.elapsed().as_millis() as u64,
            ok = output.is_ok(),
            "yt-dlp resolved"
        );
        match output {
            Ok(output) => info::parse(&output.stdout, Utc::now()),
            Err(failure) => {
                let error = errors::from_failure(&failure);
                tracing::debug!(error.code = %error.code, stderr = failure.stderr_tail(), "yt-dlp failed");
                Err(error)
            }
        }
    }

    /// Refuses what would lead into the operator's own network.
    async fn guard(&self, url: &Url) -> Result<(), Error> {
        let client = &self.settings.client;
        if self.hosts.name(url) {
            client.guard().check(url)?;
        } else {
            client.check_host(url).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Source for YtDlp {
    fn describe(&self) -> SourceDescription {
        SourceDescription { name: "ytdlp".into(), version: env!("CARGO_PKG_VERSION").into() }
    }

    async fn claims(&self, url: &Url) -> bool {
        self.hosts.claim(url)
    }

    async fn resolve(&self, url: &Url, options: ResolveOptions) -> Result<Arc<MediaInfo>, Error> {
        net::check_url(url)?;
        let url = host::canonical(url)?;
        self.guard(&url).await?;
        if options.fresh {
            self.known.invalidate(url.as_str()).await;
        }
        // All who wait for the same address share one process. When the one
        // who started it leaves, the next of them starts it anew.
        let known = self.known.try_get_with(url.to_string(), self.resolve_uncached(&url)).await;
        known.map_err(|error: Arc<Error>| (*error).clone())?.answer
    }

    async fn fetch(
        &self,
        what: &OpaqueFetch,
        progress: &(dyn Fn(FetchProgress) + Send + Sync),
    ) -> Result<PathBuf, Error> {
        net::check_url(&what.url)?;
        let url = host::canonical(&what.url)?;
        self.guard(&url).await?;
        self.version().await?;
        let known = self.known.get(url.as_str()).await.and_then(|known| known.answer.ok());
        fetch::fetch(&self.settings, what, known.as_deref(), progress).await
    }
}
