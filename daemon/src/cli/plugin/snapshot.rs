//! The state of this machine's plugins: as the running daemon writes it to a file
//! in the data folder, or as they load here.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clipmill_plugins::Registry;
use clipmill_plugins::wasm::{CallReport, Observer, PluginState, Plugins, State};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::cli::error::CommandError;
use crate::cli::setup;
use crate::config::{BUILT_IN, Config};
use crate::telemetry::Metrics;

/// How often the file is written when only the numbers of calls have changed.
const INTERVAL: Duration = Duration::from_secs(5);

/// The pause after a change, so that many faults in a row cause one write.
const PAUSE: Duration = Duration::from_millis(100);

/// The plugins of one process at one moment, and the order in which they and
/// the built-in sources and codecs are used.
#[derive(Debug, Serialize, Deserialize)]
pub struct PluginSnapshot {
    /// When it was taken.
    pub as_of: DateTime<Utc>,
    /// Names of all sources, in order.
    pub sources: Vec<String>,
    /// Names of all codecs that clients may ask for, in order.
    pub codecs: Vec<String>,
    /// The plugins.
    pub plugins: Vec<PluginState>,
}

impl PluginSnapshot {
    /// The plugins of this process now.
    pub fn new(plugins: &Plugins, registry: &Registry) -> PluginSnapshot {
        PluginSnapshot {
            as_of: Utc::now(),
            sources: registry.sources().iter().map(|source| source.describe().name).collect(),
            codecs: registry.offered_codecs().iter().map(|codec| codec.describe().name).collect(),
            plugins: plugins.list(),
        }
    }

    fn read(config: &Config) -> io::Result<PluginSnapshot> {
        Ok(serde_json::from_slice(&std::fs::read(path(config))?)?)
    }

    /// Replaces the file in one step: readers see the old one or the new one.
    fn write(&self, config: &Config) -> io::Result<()> {
        let mut draft =
            tempfile::Builder::new().prefix(".plugins-").tempfile_in(&config.folders.data)?;
        serde_json::to_writer(&mut draft, self)?;
        draft.flush()?;
        draft.persist(path(config)).map(|_| ()).map_err(|error| error.error)
    }

    /// Whether another snapshot differs in nothing but its time.
    fn is_same(&self, other: &PluginSnapshot) -> bool {
        let text = |snapshot: &PluginSnapshot| {
            serde_json::to_string(&(&snapshot.sources, &snapshot.codecs, &snapshot.plugins)).ok()
        };
        text(self) == text(other)
    }
}

fn path(config: &Config) -> PathBuf {
    config.folders.data.join("plugins.json")
}

/// Removes the file of an earlier daemon: this one has not loaded its plugins yet.
pub fn remove_snapshot(config: &Config) {
    if let Err(error) = std::fs::remove_file(path(config))
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "plugins.json of an earlier run can't be removed");
    }
}

/// A snapshot, and where it comes from.
pub struct CurrentPlugins {
    /// The plugins.
    pub snapshot: PluginSnapshot,
    /// Whether a running daemon wrote it; otherwise they were loaded for this.
    pub is_daemon: bool,
}

/// The plugins of the running daemon, or, without one, as they load here.
///
/// # Errors
/// When no HTTP client can be made for them.
pub async fn read_or_load(config: &Config) -> Result<CurrentPlugins, CommandError> {
    if is_daemon_running(config)
        && let Ok(snapshot) = PluginSnapshot::read(config)
    {
        return Ok(CurrentPlugins { snapshot, is_daemon: true });
    }
    let client = setup::client(config)?;
    let registry = setup::registry(config, &client);
    let plugins = setup::plugin_host(config, client, registry.clone(), None);
    plugins.scan().await;
    Ok(CurrentPlugins { snapshot: PluginSnapshot::new(&plugins, &registry), is_daemon: false })
}

/// Whether a daemon has the lock of the data folder. Without a daemon, this holds
/// the lock for a moment.
fn is_daemon_running(config: &Config) -> bool {
    let Ok(file) = File::open(config.folders.data.join("clipmill.lock")) else { return false };
    flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

/// Counts the calls into plugins, and notices changes of their states.
pub struct PluginObserver {
    metrics: Arc<Metrics>,
    changes: watch::Sender<()>,
}

impl PluginObserver {
    /// An observer that counts into `metrics`.
    pub fn new(metrics: Arc<Metrics>) -> PluginObserver {
        metrics.plugins(counts(&[]));
        PluginObserver { metrics, changes: watch::Sender::new(()) }
    }
}

impl Observer for PluginObserver {
    fn called(&self, report: &CallReport) {
        let fault = report.fault.is_some();
        self.metrics.plugin_call(&report.plugin, report.call, fault, report.duration);
    }

    fn changed(&self, plugins: &[PluginState]) {
        self.metrics.plugins(counts(plugins));
        self.changes.send_replace(());
    }
}

/// Follows the plugin folder, if that is configured, and keeps the file up to
/// date, until the returned tasks are dropped.
pub fn watch(app: &Arc<App>, observer: &PluginObserver) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    if let Some(plugins) = &app.engine.plugins {
        if app.config.plugins.watch {
            let plugins = plugins.clone();
            tasks.spawn(async move { plugins.watch().await });
        }
        let changes = observer.changes.subscribe();
        tasks.spawn(write_changes(app.clone(), plugins.clone(), changes));
    }
    tasks
}

async fn write_changes(app: Arc<App>, plugins: Plugins, mut changes: watch::Receiver<()>) {
    let mut written: Option<PluginSnapshot> = None;
    while !app.signals.stopping.is_cancelled() {
        let now = PluginSnapshot::new(&plugins, &app.engine.registry);
        if !written.as_ref().is_some_and(|written| now.is_same(written)) {
            match now.write(&app.config) {
                Ok(()) => written = Some(now),
                Err(error) => tracing::warn!(%error, "plugins.json can't be written"),
            }
        }
        tokio::select! {
            () = app.signals.stopping.cancelled() => {}
            _ = changes.changed() => tokio::time::sleep(PAUSE).await,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// The word for a state, in metrics and in lists.
pub fn state_word(state: &State) -> &'static str {
    match state {
        State::Active => "active",
        State::Disabled => "disabled",
        State::SetAside { .. } => "set_aside",
        State::Broken { .. } => "broken",
    }
}

/// How many plugins are in which state, for all states.
pub fn counts(plugins: &[PluginState]) -> [(&'static str, usize); 4] {
    ["active", "disabled", "set_aside", "broken"].map(|word| {
        (word, plugins.iter().filter(|plugin| state_word(&plugin.state) == word).count())
    })
}

/// What is wrong with a plugin, for people.
pub fn reason(plugin: &PluginState) -> Option<String> {
    match (&plugin.state, &plugin.loaded) {
        (State::SetAside { reason }, _) => Some(format!(
            "{reason}; it is asked again after half an hour, or when its file changes"
        )),
        (State::Broken { reason }, Some(loaded)) => {
            Some(format!("{reason}; version {} stays in use", loaded.version))
        }
        (State::Broken { reason }, None) => Some(reason.clone()),
        (State::Active | State::Disabled, _) => None,
    }
}

/// Names in the configuration that no source, codec or plugin has: perhaps typing
/// errors.
pub fn unknown_names(config: &Config, plugins: &[PluginState]) -> Vec<String> {
    let is_known =
        |name: &str| BUILT_IN.contains(&name) || plugins.iter().any(|plugin| plugin.name == name);
    let names = config.plugins.order.iter().map(|name| ("plugins.order", name));
    let names = names.chain(config.plugins.disable.iter().map(|name| ("plugins.disable", name)));
    let names = names.chain(config.plugins.each.keys().map(|name| ("the configuration", name)));
    names
        .filter(|(_, name)| !is_known(name))
        .map(|(place, name)| format!("{place} names `{name}`, and no handler has that name"))
        .collect()
}
