//! What yt-dlp says when it fails, brought to stable codes.
//!
//! The sentences are those of the sites (YouTube's own, which yt-dlp passes
//! on) and of yt-dlp's extractors. People get ours.

use std::time::Duration;

use clipmill_core::process::Failure;
use clipmill_core::{Code, Error, Retry};

/// Codes by what the error line holds, in lower case; the first hit counts, so
/// the more special stands before the more general.
const TABLE: &[(&[&str], Code, &str, Retry)] = &[
    (
        &[
            "not a bot",
            "requiring a captcha",
            "ip is likely being blocked",
            "sign in to confirm that you",
        ],
        Code::BotCheck,
        "the site asks to prove that nobody automated is watching; a cookie file of a signed-in browser helps",
        Retry::Never,
    ),
    (
        &[
            "confirm your age",
            "age-restricted",
            "age restricted",
            "inappropriate for some users",
            "age verification",
            "age-verification",
        ],
        Code::AgeRestricted,
        "this video is age-restricted; a cookie file of a signed-in browser helps",
        Retry::Never,
    ),
    (
        &[
            "members-only",
            "members only",
            "join this channel",
            "available to this channel's members",
            "premium members",
            "requires payment",
            "requires a subscription",
            "subscribers only",
            "subscriber-only",
            "only works for subscribers",
        ],
        Code::MembersOnly,
        "this video is for members only",
        Retry::Never,
    ),
    (
        &[
            "private video",
            "video is private",
            "is private",
            "login required",
            "to log in",
            "logged in",
            "only available for registered users",
            "login details are needed",
            "granted access",
            "account cookies",
            "http error 401",
        ],
        Code::PrivateVideo,
        "this video is private or wants a login",
        Retry::Never,
    ),
    (
        &[
            "live event will begin",
            "premieres in",
            "premiere will begin",
            "live stream has not started",
            "has not started",
            "is upcoming",
            "will begin in",
        ],
        Code::NotStarted,
        "this stream has not begun",
        Retry::Later,
    ),
    (
        &["not currently live", "is offline", "channel is not live", "not live at the moment"],
        Code::NotStarted,
        "this channel is not live now",
        Retry::Later,
    ),
    (
        &[
            "in your country",
            "your location",
            "geo restrict",
            "geo-restrict",
            "geo block",
            "not available in your region",
            "from your region",
        ],
        Code::GeoBlocked,
        "this video can't be watched from where this server is",
        Retry::Never,
    ),
    (
        &["http error 429", "too many requests", "rate-limited", "rate limited", "rate limit"],
        Code::RateLimited,
        "the site wants fewer requests; try again later",
        Retry::After(Duration::from_secs(300)),
    ),
    (
        &[
            "has been removed",
            "been terminated",
            "no longer available",
            "video unavailable",
            "video is unavailable",
            "video is not available",
            "does not exist",
            "video not found",
            "was deleted",
            "been deleted",
            "http error 404",
            "http error 410",
            "recording is not available",
        ],
        Code::RemovedVideo,
        "this video was removed or never existed",
        Retry::Never,
    ),
    (
        &[
            "unsupported url",
            "is not a valid url",
            "no suitable extractor",
            "no video could be found",
            "no media found",
        ],
        Code::UnsupportedUrl,
        "there is no video at this address that can be had",
        Retry::Never,
    ),
    (
        &["drm protected", "drm-protected"],
        Code::SourceFailed,
        "this video is protected against copying",
        Retry::Never,
    ),
    (&["http error 403"], Code::SourceFailed, "the site refuses this server (403)", Retry::Later),
    (
        &["timed out", "timeout"],
        Code::SourceTimeout,
        "the site did not answer in time",
        Retry::Later,
    ),
    (
        &[
            "failed to resolve",
            "failed to establish",
            "connection refused",
            "connection reset",
            "connection aborted",
            "connection broken",
            "network is unreachable",
            "no route to host",
            "name or service not known",
            "name resolution",
            "transporterror",
            "http error 5",
            "incompleteread",
            "remote end closed",
            "eof occurred",
            "[ssl",
            "certificate_verify",
        ],
        Code::SourceUnreachable,
        "the site can't be reached",
        Retry::Later,
    ),
];

/// The error of a failed run.
pub(super) fn from_failure(failure: &Failure) -> Error {
    match failure {
        Failure::NotFound(_) => Error::never(
            Code::ToolMissing,
            format!("yt-dlp is not installed; install it with: {}", super::args::INSTALL),
        ),
        Failure::Timeout { .. } | Failure::Silent { .. } => {
            Error::later(Code::SourceTimeout, "the site did not answer in time")
        }
        Failure::OutputTooLarge { .. } => {
            Error::never(Code::SourceFailed, "the site tells more than can be read")
        }
        Failure::Exit { stderr_tail, .. } => from_stderr(stderr_tail),
        Failure::Spawn { .. } | Failure::Io(_) => {
            tracing::warn!(%failure, "yt-dlp could not be run");
            Error::later(Code::SourceFailed, "yt-dlp could not be run")
        }
    }
}

/// The error that the last lines of standard error tell.
pub(super) fn from_stderr(stderr: &str) -> Error {
    let Some(line) = stderr.lines().rev().find_map(|line| line.trim().strip_prefix("ERROR:"))
    else {
        if stderr.contains("no such option") {
            return Error::never(
                Code::ToolMissing,
                format!("yt-dlp is too old; update it with: {}", super::args::INSTALL),
            );
        }
        return Error::later(Code::SourceFailed, "yt-dlp failed without a word");
    };
    let lower = line.replace('\u{2019}', "'").to_lowercase();
    let hit = TABLE.iter().find(|(parts, ..)| parts.iter().any(|part| lower.contains(part)));
    if let Some((_, code, message, retry)) = hit {
        return Error::new(*code, *message, *retry);
    }
    if stderr.contains("No supported JavaScript runtime") {
        return Error::never(
            Code::ToolMissing,
            "yt-dlp needs a JavaScript runtime for this site; install one with: \
             python3 -m pip install deno",
        );
    }
    Error::later(Code::SourceFailed, format!("the source failed: {}", clean(line)))
}

/// yt-dlp's own line, fit to be shown: one line, bounded, without addresses,
/// paths, control characters or requests for bug reports.
fn clean(line: &str) -> String {
    const LONGEST: usize = 200;
    let end = ["; please report", "(caused by", ". Use --", "Traceback"]
        .iter()
        .filter_map(|mark| line.find(mark))
        .min()
        .unwrap_or(line.len());
    let words = line.get(..end).unwrap_or(line).split_whitespace().map(|word| {
        let bare = word.trim_matches(|c: char| "'\"()[]<>,;:".contains(c));
        let hidden = bare.contains("://") || bare.starts_with(['/', '~']) || bare.contains("\\\\");
        if hidden { "…".to_owned() } else { word.chars().filter(|c| !c.is_control()).collect() }
    });
    let text = words.collect::<Vec<String>>().join(" ");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Real lines: of yt-dlp's generic extractor, and of its YouTube extractor
    /// with the sentences that YouTube answers.
    #[test]
    fn lines_become_codes() {
        for (line, code) in [
            (
                "[youtube] dQw4w9WgXcQ: Sign in to confirm you’re not a bot. Use --cookies-from-browser or --cookies for the authentication.",
                Code::BotCheck,
            ),
            (
                "[youtube] dQw4w9WgXcQ: Sign in to confirm you're not a bot. This helps protect our community.",
                Code::BotCheck,
            ),
            (
                "[youtube] dQw4w9WgXcQ: All player responses are invalid. Your IP is likely being blocked by Youtube",
                Code::BotCheck,
            ),
            (
                "[youtube] dQw4w9WgXcQ: Sign in to confirm your age. This video may be inappropriate for some users.",
                Code::AgeRestricted,
            ),
            (
                "[youtube] dQw4w9WgXcQ: Private video. Sign in if you've been granted access to this video. Use --cookies",
                Code::PrivateVideo,
            ),
            ("[youtube] dQw4w9WgXcQ: This video is private", Code::PrivateVideo),
            (
                "[vimeo] 1: This video is only available for registered users. Use --cookies",
                Code::PrivateVideo,
            ),
            (
                "[youtube] dQw4w9WgXcQ: Video unavailable. This video has been removed by the uploader",
                Code::RemovedVideo,
            ),
            ("[youtube] dQw4w9WgXcQ: Video unavailable", Code::RemovedVideo),
            (
                "[youtube] dQw4w9WgXcQ: Video unavailable. This video is no longer available because the YouTube account associated with this video has been terminated.",
                Code::RemovedVideo,
            ),
            ("[youtube] dQw4w9WgXcQ: This live event will begin in 3 days.", Code::NotStarted),
            ("[youtube] dQw4w9WgXcQ: Premieres in 2 hours", Code::NotStarted),
            ("[twitch:stream] x: The channel is not currently live", Code::NotStarted),
            (
                "[youtube] dQw4w9WgXcQ: The uploader has not made this video available in your country",
                Code::GeoBlocked,
            ),
            (
                "[generic] x: This video is not available from your location due to geo restriction",
                Code::GeoBlocked,
            ),
            (
                "[youtube] dQw4w9WgXcQ: Join this channel to get access to members-only content like this video, and other exclusive perks.",
                Code::MembersOnly,
            ),
            (
                "[youtube] dQw4w9WgXcQ: Unable to download API page: HTTP Error 429: Too Many Requests (caused by <HTTPError 429: Too Many Requests>)",
                Code::RateLimited,
            ),
            (
                "[youtube] dQw4w9WgXcQ: This content isn't available, try again later. The current session has been rate-limited by YouTube for up to an hour.",
                Code::RateLimited,
            ),
            ("Unsupported URL: https://a.example/", Code::UnsupportedUrl),
            (
                "[generic] nothing: Unable to download webpage: HTTP Error 404: File not found (caused by <HTTPError 404: File not found>)",
                Code::RemovedVideo,
            ),
            (
                "[generic] x: Unable to download webpage: HTTPConnection(host='127.0.0.1', port=1): Failed to establish a new connection: [Errno 111] Connection refused",
                Code::SourceUnreachable,
            ),
            (
                "[generic] x: Unable to download webpage: HTTP Error 503: Service Unavailable",
                Code::SourceUnreachable,
            ),
            (
                "[generic] x: Unable to download webpage: The read operation timed out",
                Code::SourceTimeout,
            ),
            ("[youtube] dQw4w9WgXcQ: This video is DRM protected", Code::SourceFailed),
        ] {
            let error = from_stderr(&format!("WARNING: something\nERROR: {line}\n"));
            assert_eq!(error.code, code, "{line}");
            assert!(!error.message.contains("dQw4w9WgXcQ"));
        }
        assert_eq!(from_stderr("yt-dlp: error: no such option: --x").code, Code::ToolMissing);
        let js = "WARNING: [youtube] No supported JavaScript runtime could be found.\n\
                  ERROR: [youtube] x: Requested format is not available.";
        assert_eq!(from_stderr(js).code, Code::ToolMissing);
        assert_eq!(from_stderr("").code, Code::SourceFailed);
    }

    #[test]
    fn unknown_lines_are_shown_clean_and_short() {
        let error = from_stderr(
            "ERROR: [x] 1: Odd\u{7} thing in '/home/me/file' of https://a.example/?sig=1 happened; \
             please report this issue on  https://b.example",
        );
        assert_eq!(error.message, "the source failed: [x] 1: Odd thing in … of … happened");
        let long = from_stderr(&format!("ERROR: {}", "wörd ".repeat(200)));
        assert!(long.message.chars().count() < 230);
    }
}
