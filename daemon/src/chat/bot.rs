//! Whether a request comes from a chat bot.

use http::HeaderMap;
use http::header::USER_AGENT;

/// Words in the user agents of bots: Nightbot sends `Nightbot-URL-Fetcher/...`,
/// StreamElements `StreamElements Bot`.
const AGENTS: &[&str] = &["nightbot", "streamelements", "fossabot", "streamlabs"];

/// Beginnings of headers that only bots send: `Nightbot-User`,
/// `Nightbot-Channel`, `Nightbot-Response-Url`, `x-fossabot-channelid` ...
const HEADERS: &[&str] = &["nightbot-", "x-fossabot-", "x-streamelements-", "x-streamlabs-"];

/// Whether the answer is to be one line of text: `reply` (the parameter of
/// that name, `text` or `json`) decides where it is given, otherwise the headers.
pub fn asks_for_text(headers: &HeaderMap, reply: Option<&str>) -> bool {
    match reply {
        Some(reply) if reply.eq_ignore_ascii_case("text") => true,
        Some(reply) if reply.eq_ignore_ascii_case("json") => false,
        _ => is_bot(headers),
    }
}

fn is_bot(headers: &HeaderMap) -> bool {
    let agent = headers.get(USER_AGENT).map(|agent| agent.as_bytes().to_ascii_lowercase());
    let agent = String::from_utf8_lossy(agent.as_deref().unwrap_or_default()).into_owned();
    AGENTS.iter().any(|word| agent.contains(word))
        || headers.keys().any(|name| HEADERS.iter().any(|start| name.as_str().starts_with(start)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn with(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn bots_are_known_by_agent_or_header() {
        for (name, value) in [
            ("user-agent", "Nightbot-URL-Fetcher/0.0.3"),
            ("user-agent", "StreamElements Bot"),
            ("user-agent", "Fossabot Web Proxy"),
            ("user-agent", "Streamlabs Cloudbot"),
            ("nightbot-user", "name=a"),
            ("nightbot-response-url", "https://api.nightbot.tv/1/channel/send/x"),
            ("x-fossabot-channelid", "1"),
        ] {
            assert!(asks_for_text(&with(name, value), None), "{name}: {value}");
            assert!(!asks_for_text(&with(name, value), Some("json")));
        }
    }

    #[test]
    fn others_get_json_unless_they_want_text() {
        let browser = with("user-agent", "Mozilla/5.0");
        assert!(!asks_for_text(&browser, None));
        assert!(!asks_for_text(&browser, Some("nonsense")));
        assert!(asks_for_text(&browser, Some("text")));
        assert!(!asks_for_text(&HeaderMap::new(), None));
    }
}
