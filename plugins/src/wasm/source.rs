//! Sources that are plugins.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::Utc;
use clipmill_core::net::check_url;
use clipmill_core::probe::{Format, Live, MediaInfo, Transport};
use clipmill_core::{Code, Error};
use moka::Expiry;
use moka::future::Cache;
use url::Url;

use super::bindings::source::{ResolveOptions as GuestOptions, SourcePre};
use super::context::Context;
use super::convert;
use super::fresh::fresh;
use super::plugin::{Budget, Plugin};
use crate::builtin::http::download::Download;
use crate::{FetchProgress, OpaqueFetch, ResolveOptions, Source, SourceDescription};

/// Computing time of `claims`, as the interface promises it.
const CLAIMS: Duration = Duration::from_millis(200);
/// Answers that are remembered, bytes of all, and what one format has beside its
/// address and headers.
const KNOWN: u64 = 16 * 1024 * 1024;
const FORMAT: usize = 512;
/// How long, where the answer doesn't say; a running stream grows meanwhile.
const KEPT: Duration = Duration::from_secs(60);
const LONGEST_KEPT: Duration = Duration::from_secs(24 * 3600);
const LIVE_KEPT: Duration = Duration::from_secs(10);
/// How long before its end an answer is not given any more.
const MARGIN: Duration = Duration::from_secs(60);

/// A source in a guest.
pub(super) struct WasmSource {
    pub plugin: Arc<Plugin>,
    pub pre: SourcePre<Context>,
    pub description: SourceDescription,
    known: Cache<String, Known>,
}

#[derive(Clone)]
struct Known {
    info: Arc<MediaInfo>,
    keep: Duration,
}

struct KeepAsTold;

impl Expiry<String, Known> for KeepAsTold {
    fn expire_after_create(&self, _: &String, known: &Known, _: Instant) -> Option<Duration> {
        Some(known.keep)
    }
}

impl WasmSource {
    /// The source of this plugin.
    pub fn new(
        plugin: Arc<Plugin>,
        pre: SourcePre<Context>,
        description: SourceDescription,
    ) -> WasmSource {
        let known = Cache::builder()
            .max_capacity(KNOWN)
            .weigher(|url: &String, known: &Known| weight(url, &known.info))
            .expire_after(KeepAsTold)
            .build();
        WasmSource { plugin, pre, description, known }
    }

    async fn call_resolve(&self, url: &str, fresh: bool) -> Result<Known, Error> {
        let budget = Budget::full(&self.plugin.identity.wants);
        let deadline_ms = u32::try_from(budget.wall.as_millis()).unwrap_or(u32::MAX);
        let (pre, url) = (self.pre.clone(), url.to_owned());
        let options = GuestOptions { fresh, deadline_ms };
        let work = fresh!(pre, |store, guest| guest.call_resolve(&mut store, &url, options));
        let judge = |answer| match answer {
            Ok(info) => convert::media_info(info).map(Ok),
            Err(refusal) => Ok(Err(convert::source_error(refusal))),
        };
        let info = self.plugin.call("resolve", budget, work, judge).await.map_err(|fault| {
            let name = &self.description.name;
            Error::later(Code::PluginFailed, format!("the plugin {name} failed: {fault}"))
        })??;
        let left = info.expires_at.map(|at| (at - Utc::now()).to_std().unwrap_or_default());
        let keep = left.map_or(KEPT, |left| left.saturating_sub(MARGIN).min(LONGEST_KEPT));
        let running = matches!(info.live, Live::Running { .. });
        let keep = if running { keep.min(LIVE_KEPT) } else { keep };
        Ok(Known { info: Arc::new(info), keep })
    }
}

#[async_trait]
impl Source for WasmSource {
    fn describe(&self) -> SourceDescription {
        self.description.clone()
    }

    /// A plugin that fails here does not claim the address.
    async fn claims(&self, url: &Url) -> bool {
        if check_url(url).is_err() || self.plugin.breaker.is_open() {
            return false;
        }
        let (pre, url) = (self.pre.clone(), url.to_string());
        let work = fresh!(pre, |store, guest| guest.call_claims(&mut store, &url));
        self.plugin.call("claims", Budget::brief(CLAIMS), work, Ok).await.unwrap_or(false)
    }

    async fn resolve(&self, url: &Url, options: ResolveOptions) -> Result<Arc<MediaInfo>, Error> {
        check_url(url)?;
        if options.fresh {
            self.known.invalidate(url.as_str()).await;
        }
        // All who wait for the same address share one call.
        let asked = self.call_resolve(url.as_str(), options.fresh);
        let known = self.known.try_get_with(url.to_string(), asked).await;
        Ok(known.map_err(|error: Arc<Error>| (*error).clone())?.info)
    }

    /// Downloads a progressive format whole.
    async fn fetch(
        &self,
        what: &OpaqueFetch,
        progress: &(dyn Fn(FetchProgress) + Send + Sync),
    ) -> Result<PathBuf, Error> {
        let info = self.resolve(&what.url, ResolveOptions::default()).await?;
        let wanted = |format: &&Format| what.formats.contains(&format.id);
        let format = info.formats.iter().find(wanted).ok_or_else(|| {
            Error::later(Code::SourceFailed, "the source does not offer this any more")
        })?;
        let Transport::Progressive { url, headers } = &format.transport else {
            return Err(Error::never(
                Code::SourceFailed,
                "this stream could not be fetched in segments, and a plugin can't do it otherwise",
            ));
        };
        if what.formats.len() != 1 {
            return Err(Error::never(
                Code::SourceFailed,
                "picture and sound are two files, which the server does not hand out in parts",
            ));
        }
        let path = what.folder.join("source.bin");
        let client = &self.plugin.identity.client;
        Download { client, url, headers, max_bytes: what.max_bytes, progress }.run(&path).await?;
        Ok(path)
    }
}

/// About how many bytes an answer takes.
fn weight(url: &str, info: &MediaInfo) -> u32 {
    let format = |format: &Format| match &format.transport {
        Transport::Progressive { url, headers }
        | Transport::Hls { url, headers }
        | Transport::Dash { url, headers } => {
            let headers: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
            FORMAT + url.as_str().len() + headers
        }
        Transport::Opaque => FORMAT,
    };
    let bytes: usize = url.len() + FORMAT + info.formats.iter().map(format).sum::<usize>();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
