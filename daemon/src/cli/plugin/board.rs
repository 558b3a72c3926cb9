//! What other processes see of a daemon's plugins: a file in the data folder
//! that the daemon keeps up to date.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clipmill_plugins::Registry;
use clipmill_plugins::wasm::{CallReport, Observer, PluginState, Plugins};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::words;
use crate::app::App;
use crate::config::Config;
use crate::telemetry::Metrics;

/// Between two looks at what has changed without anybody saying so, as the
/// numbers of calls do.
const EVERY: Duration = Duration::from_secs(5);

/// After a change, because a storm of faults is one piece of news.
const PAUSE: Duration = Duration::from_millis(100);

/// The plugins of one process at one moment, and the order in which they and
/// the built-in handlers are asked.
#[derive(Debug, Serialize, Deserialize)]
pub struct Board {
    /// When it was so.
    pub as_of: DateTime<Utc>,
    /// Names of all sources, in order.
    pub sources: Vec<String>,
    /// Names of all codecs that clients may ask for, in order.
    pub codecs: Vec<String>,
    /// The plugins.
    pub plugins: Vec<PluginState>,
}

impl Board {
    /// What is so now.
    pub fn now(plugins: &Plugins, registry: &Registry) -> Board {
        Board {
            as_of: Utc::now(),
            sources: registry.sources().iter().map(|source| source.describe().name).collect(),
            codecs: registry.offered_codecs().iter().map(|codec| codec.describe().name).collect(),
            plugins: plugins.list(),
        }
    }

    /// What the daemon wrote last, if it ever did.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(config: &Config) -> io::Result<Board> {
        Ok(serde_json::from_slice(&std::fs::read(path(config))?)?)
    }

    /// Replaces the file at once, so that who reads it meets the old or the new.
    fn write(&self, config: &Config) -> io::Result<()> {
        let mut draft =
            tempfile::Builder::new().prefix(".plugins-").tempfile_in(&config.folders.data)?;
        serde_json::to_writer(&mut draft, self)?;
        draft.flush()?;
        draft.persist(path(config)).map(|_| ()).map_err(|error| error.error)
    }

    /// Whether another board says the same.
    fn says(&self, other: &Board) -> bool {
        let text = |board: &Board| {
            serde_json::to_string(&(&board.sources, &board.codecs, &board.plugins)).ok()
        };
        text(self) == text(other)
    }
}

fn path(config: &Config) -> PathBuf {
    config.folders.data.join("plugins.json")
}

/// Removes what an earlier daemon wrote: until this one has looked, nobody
/// knows.
pub fn forget(config: &Config) {
    if let Err(error) = std::fs::remove_file(path(config))
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "plugins.json can't be removed");
    }
}

/// Counts what plugins do, and tells that something has changed.
pub struct Bell {
    metrics: Arc<Metrics>,
    rung: watch::Sender<()>,
}

impl Bell {
    /// A bell that counts into `metrics`.
    pub fn new(metrics: Arc<Metrics>) -> Bell {
        metrics.plugins(words::counts(&[]));
        Bell { metrics, rung: watch::Sender::new(()) }
    }
}

impl Observer for Bell {
    fn called(&self, report: &CallReport) {
        let fault = report.fault.is_some();
        self.metrics.plugin_call(&report.plugin, report.call, fault, report.duration);
    }

    fn changed(&self, plugins: &[PluginState]) {
        self.metrics.plugins(words::counts(plugins));
        self.rung.send_replace(());
    }
}

/// Follows the folder, if that is configured, and keeps the file up to date,
/// until what it gives back is dropped.
pub fn follow(app: &Arc<App>, plugins: Plugins, bell: Arc<Bell>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    if app.config.plugins.watch {
        let watched = plugins.clone();
        tasks.spawn(async move { watched.watch().await });
    }
    tasks.spawn(keep(app.clone(), plugins, bell));
    tasks
}

/// Keeps the file up to date.
async fn keep(app: Arc<App>, plugins: Plugins, bell: Arc<Bell>) {
    let mut rung = bell.rung.subscribe();
    let mut written: Option<Board> = None;
    while !app.stopping.is_cancelled() {
        let now = Board::now(&plugins, &app.registry);
        if !written.as_ref().is_some_and(|written| now.says(written)) {
            match now.write(&app.config) {
                Ok(()) => written = Some(now),
                Err(error) => tracing::warn!(%error, "plugins.json can't be written"),
            }
        }
        tokio::select! {
            () = app.stopping.cancelled() => {}
            _ = rung.changed() => tokio::time::sleep(PAUSE).await,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
