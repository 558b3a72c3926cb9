//! What operators see: metrics, and the log on the terminal and, when one is set, in
//! a file.

mod metrics;

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _};
use std::sync::Mutex;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::Log;

pub use metrics::{ByteFlow, Metrics};

/// Starts logging, once a process.
///
/// # Errors
/// When the level is no filter, or the file can't be opened.
pub fn init_logging(log: &Log) -> io::Result<()> {
    let filter = EnvFilter::try_new(&log.level)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let file = match &log.file {
        Some(path) => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            Some(OpenOptions::new().create(true).append(true).open(path)?)
        }
        None => None,
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(io::stderr))
        .with(file.map(|file| fmt::layer().with_ansi(false).with_writer(Mutex::new(file))))
        .try_init()
        .map_err(io::Error::other)
}
