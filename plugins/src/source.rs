//! The interface of sources.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use crate::media::MediaInfo;

/// A site, a protocol, or a tool that knows many of them.
#[async_trait]
pub trait Source: Send + Sync {
    /// Who it is.
    fn describe(&self) -> SourceDescription;

    /// Whether this address concerns it. Cheap; no network.
    async fn claims(&self, url: &Url) -> bool;

    /// Finds out what can be had at this address. Results are shared and kept
    /// until their addresses expire, or a fresh one is asked for.
    async fn resolve(
        &self,
        url: &Url,
        options: ResolveOptions,
    ) -> Result<Arc<MediaInfo>, SourceError>;

    /// Downloads formats with [`crate::media::Transport::Opaque`] (or, as the
    /// last resort, any of its formats) into one file that holds the span and
    /// keeps the source's timestamps as far as it can.
    async fn fetch(
        &self,
        what: &OpaqueFetch,
        progress: &(dyn Fn(FetchProgress) + Send + Sync),
    ) -> Result<PathBuf, SourceError>;
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

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Never: the answer will be the same.
    Never,
    /// Later, after the caller's own back-off.
    Later,
    /// Not before this time has passed.
    After(Duration),
}

/// Why a source could not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// Stable machine code, snake case: `private_video`, `removed_video`,
    /// `age_restricted`, `bot_check`, `not_started`, `geo_blocked`,
    /// `members_only`, `unsupported_url`, `address_refused`, `rate_limited`,
    /// `source_unreachable`, `source_timeout`, `tool_missing`, `source_failed`,
    /// `too_large`, `plugin_failed`.
    pub code: &'static str,
    /// For people: what is wrong and what to do. No paths, no secrets.
    pub message: String,
    /// Whether trying again can help.
    pub retry: Retry,
}

impl SourceError {
    /// All codes that there are.
    pub const CODES: [&str; 16] = [
        "private_video",
        "removed_video",
        "age_restricted",
        "bot_check",
        "not_started",
        "geo_blocked",
        "members_only",
        "unsupported_url",
        "address_refused",
        "rate_limited",
        "source_unreachable",
        "source_timeout",
        "tool_missing",
        "source_failed",
        "too_large",
        "plugin_failed",
    ];

    /// An error that the same call will meet again.
    pub fn never(code: &'static str, message: impl Into<String>) -> SourceError {
        SourceError { code, message: message.into(), retry: Retry::Never }
    }

    /// An error that may be gone later.
    pub fn later(code: &'static str, message: impl Into<String>) -> SourceError {
        SourceError { code, message: message.into(), retry: Retry::Later }
    }
}
