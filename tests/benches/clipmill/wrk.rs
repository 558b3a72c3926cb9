//! The load generator: one thread, 32 connections.

use std::path::Path;
use std::time::Duration;

use clipmill_tests::tool;
use serde_json::Value;

/// What one run of wrk saw.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Answers per second.
    pub per_second: f64,
    /// 99 of 100 requests took no longer, milliseconds.
    pub p99: f64,
}

/// Whether wrk is here.
///
/// # Errors
/// The command that installs it.
pub fn installed() -> Result<(), String> {
    tool::find("wrk").map(drop).map_err(|_| "wrk: scripts/tools.sh bench installs it".to_owned())
}

/// Loads a URL with GET requests that carry the token.
///
/// # Panics
/// When an answer is no success or a connection breaks: such a figure would mean nothing.
pub fn run(url: &str, token: &str, seconds: u64) -> Load {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/clipmill/wrk.lua");
    let args = [
        "-t1".to_owned(),
        "-c32".to_owned(),
        format!("-d{seconds}s"),
        "-s".to_owned(),
        script.display().to_string(),
        "-H".to_owned(),
        format!("Authorization: Bearer {token}"),
        url.to_owned(),
    ];
    let deadline = Duration::from_secs(seconds + 30);
    let output = tool::run_fed("wrk", args, |_stdin| Ok(()), deadline)
        .unwrap_or_else(|error| panic!("{error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    let seen: Value = text
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or_else(|| panic!("wrk says nothing of {url}: {text}"));
    let figure = |key: &str| seen[key].as_f64().unwrap_or_else(|| panic!("{key} in {seen}"));
    assert!(figure("requests") > 0.0, "{url} was not answered");
    assert!(figure("refused") == 0.0 && figure("broken") == 0.0, "{url}: {seen}");
    Load {
        per_second: figure("requests") / (figure("duration_us") / 1e6),
        p99: figure("p99_us") / 1_000.0,
    }
}
