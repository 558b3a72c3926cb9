//! Plugins as their users meet them: files that are dropped into a folder.

mod begin;
mod codecs;
mod hostile;
mod list;
mod reload;
mod sites;
mod sources;

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use clipmill_tests::api::Account;
use clipmill_tests::daemon::{Daemon, program};
use clipmill_tests::tool;
use serde_json::Value;

/// The command line, in a folder that has its own `data`.
fn clipmill(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(program())
        .args(arguments)
        .current_dir(folder)
        .env("PATH", tool::search_path())
        .env("CLIPMILL_NETWORK_ALLOW", "127.0.0.0/8")
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The codecs that the daemon offers now.
async fn offered(account: &Account) -> Value {
    account.get("/api/encode/codecs").await.body["codecs"].clone()
}

/// Waits until the daemon has logged a line with all of these parts; how long that took.
async fn logged(daemon: &Daemon, parts: &[&str]) -> Duration {
    let began = Instant::now();
    loop {
        let log = daemon.log();
        if log.lines().any(|line| parts.iter().all(|part| line.contains(part))) {
            return began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{parts:?} is not in\n{log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
