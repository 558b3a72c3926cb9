//! The interface of sources.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clipmill_core::Error;
use clipmill_core::probe::MediaInfo;
use url::Url;

/// A site, a protocol, or a tool that knows many of them.
#[async_trait]
pub trait Source: Send + Sync {
    /// Who it is.
    fn describe(&self) -> SourceDescription;

    /// Whether this address concerns it. Cheap; no network.
    async fn claims(&self, url: &Url) -> bool;

    /// Finds out what can be had at this address. Results are shared and kept
    /// until their addresses expire, or a fresh one is asked for.
    async fn resolve(&self, url: &Url, options: ResolveOptions) -> Result<Arc<MediaInfo>, Error>;

    /// Downloads formats with [`clipmill_core::probe::Transport::Opaque`] (or, as the
    /// last resort, any of its formats) into one file that holds the span and
    /// keeps the source's timestamps as far as it can.
    async fn fetch(
        &self,
        what: &OpaqueFetch,
        progress: &(dyn Fn(FetchProgress) + Send + Sync),
    ) -> Result<PathBuf, Error>;
}

/// Who a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceDescription {
    /// Short stable name, snake case.
    pub name: String,
    /// Its version, for people.
    pub version: String,
}

/// What is known when a source is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResolveOptions {
    /// The addresses of the last answer don't work any more, so it must not be
    /// given again.
    pub fresh: bool,
}

/// What a source is to download by itself.
#[derive(Debug, Clone)]
pub struct OpaqueFetch {
    /// The address that was resolved.
    pub url: Url,
    /// Ids of one format, or of picture and sound.
    pub formats: Vec<String>,
    /// Seconds `[start, end)` of the source's time that are needed; none for all.
    pub span: Option<(f64, f64)>,
    /// An empty folder for it.
    pub folder: PathBuf,
    /// The file may not grow beyond this.
    pub max_bytes: u64,
}

/// How far a download is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FetchProgress {
    /// Bytes so far.
    pub bytes: u64,
    /// Bytes in all, if known or estimated.
    pub total_bytes: Option<u64>,
    /// Share that is done, 0 to 1, where bytes don't tell.
    pub fraction: Option<f64>,
    /// Bytes per second.
    pub bytes_per_second: Option<f64>,
    /// Time left.
    pub eta: Option<Duration>,
}
