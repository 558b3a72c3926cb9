//! Cases for sources.

use clipmill_core::Code;
use std::collections::BTreeSet;
use std::time::Duration;

use clipmill_core::Error;
use clipmill_core::net;
use clipmill_core::probe::Transport;
use url::Url;

use super::message::is_message;
use super::odd_urls;
use crate::is_name;
use crate::{ResolveOptions, Source};

/// Longest time that a source may take for anything that these cases ask.
const DEADLINE: Duration = Duration::from_secs(120);

/// Runs every case that needs nothing to resolve.
///
/// # Panics
/// When the source breaks a rule; the message names it.
pub async fn source_cases(source: &dyn Source) {
    description_is_stable_and_sound(source);
    claims_are_pure(source).await;
    only_the_web_is_claimed_and_resolved(source).await;
}

fn description_is_stable_and_sound(source: &dyn Source) {
    let it = source.describe();
    assert_eq!(it, source.describe(), "a description changes");
    assert!(is_name(&it.name), "{:?} is no name", it.name);
    assert!(!it.version.trim().is_empty(), "{} has no version", it.name);
}

async fn claims_are_pure(source: &dyn Source) {
    for url in odd_urls() {
        assert_eq!(source.claims(&url).await, source.claims(&url).await, "{url}: a claim changes");
    }
}

async fn only_the_web_is_claimed_and_resolved(source: &dyn Source) {
    for url in odd_urls() {
        if matches!(url.scheme(), "http" | "https") {
            continue;
        }
        assert!(!source.claims(&url).await, "{url} is claimed");
        let error = resolve(source, &url).await.err();
        assert_eq!(error.map(|error| error.code), Some(Code::UnsupportedUrl), "{url}");
    }
}

/// There is nothing at `url`, and the source says so in a known way.
///
/// # Panics
/// When it doesn't.
pub async fn resolving_nothing_is_a_known_error(source: &dyn Source, url: &Url) {
    assert!(resolve(source, url).await.is_err(), "{url} can't be resolved");
}

/// There is something at `url`: what the source tells of it makes sense, and
/// it tells the same when asked again.
///
/// # Panics
/// When it doesn't.
pub async fn resolved_info_is_sound(source: &dyn Source, url: &Url) {
    assert!(source.claims(url).await, "{url} is not claimed");
    let there = |error: Error| panic!("{url} is not resolved: {error}");
    let info = resolve(source, url).await.unwrap_or_else(there);
    let again = resolve(source, url).await.unwrap_or_else(there);
    assert_eq!(info.id, again.id, "the id changes");
    let fresh = source.resolve(url, ResolveOptions { fresh: true }).await;
    assert_eq!(fresh.map(|info| info.id.clone()).ok().as_ref(), Some(&info.id), "not fresh");
    assert!(!info.formats.is_empty(), "there is no format");
    assert!(info.duration.is_none_or(|seconds| seconds.is_finite() && seconds > 0.0));
    let ids: BTreeSet<_> = info.formats.iter().map(|format| &format.id).collect();
    assert_eq!(ids.len(), info.formats.len(), "two formats have one id");
    for format in &info.formats {
        assert!(!format.id.is_empty(), "a format has no id");
        assert!(format.video.is_some() || format.audio.is_some(), "{} is empty", format.id);
        match &format.transport {
            Transport::Progressive { url, .. }
            | Transport::Hls { url, .. }
            | Transport::Dash { url, .. } => {
                assert_eq!(net::check_url(url), Ok(()), "{} is not on the web", format.id);
            }
            Transport::Opaque => {}
        }
    }
}

/// The answer within the deadline; an error is one of the known.
async fn resolve(
    source: &dyn Source,
    url: &Url,
) -> Result<std::sync::Arc<clipmill_core::probe::MediaInfo>, Error> {
    let answer =
        tokio::time::timeout(DEADLINE, source.resolve(url, ResolveOptions::default())).await;
    let Ok(answer) = answer else { panic!("{url} takes too long") };
    answer.inspect_err(|error| {
        assert!(Code::SOURCE.contains(&error.code), "{} is no code", error.code);
        assert!(is_message(&error.message), "{:?} can't be shown", error.message);
    })
}
