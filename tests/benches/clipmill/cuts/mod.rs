//! Clips of long files beside what people use for them: from a server, from
//! the disk, and as the file grows.
//!
//! Owns what the groups share: the span, the server's pace, how a program is
//! run and measured. All figures of one row come from one run, in turns.

mod fetch;
mod growth;
mod local;
mod run;
mod source;

pub use fetch::measure as fetch;
pub use growth::measure as growth;
pub use local::measure as local;

use std::path::Path;
use std::time::Duration;

use clipmill_tests::{Behaviour, daemon};

use self::run::Program;
use crate::measure::quick;

/// Connections that clipmill opens.
const CONNECTIONS: u64 = 8;
/// Bytes a second that the server gives on each.
const RATE: u64 = 4_000_000;
/// What the server waits before each answer.
const LATENCY: Duration = Duration::from_millis(40);

/// A server as those of videos are: so much a connection, and far away.
fn paced() -> Behaviour {
    Behaviour::new().throttle(RATE).latency(LATENCY)
}

/// How often each is measured.
fn rounds() -> usize {
    if quick() { 1 } else { 3 }
}

/// `clipmill clip`, which may ask this machine.
fn clipmill(source: &str, (from, to): (f64, f64), format: &str, output: &Path) -> Program {
    // Whatever config.toml is near must not decide.
    let config = output.with_file_name("config.toml");
    std::fs::write(&config, "").expect("an empty config.toml");
    let (from, to) = (format!("{from}"), format!("{to}"));
    Program::new(daemon::program())
        .args(["--config".as_ref(), config.as_os_str(), "clip".as_ref(), source.as_ref()])
        .args(["--from", &from, "--to", &to, "--format", format, "--force", "-o"])
        .args([output])
        .environment("CLIPMILL_NETWORK_ALLOW", "127.0.0.0/8")
        .environment("CLIPMILL_FETCH_CONNECTIONS", &CONNECTIONS.to_string())
}
