//! A host with a plugin folder of its own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clipmill_core::Error;
use clipmill_core::net;
use clipmill_core::probe::MediaInfo;
use clipmill_plugins::builtin::codecs::H264;
use clipmill_plugins::wasm::{
    CallReport, Ceilings, Grant, Observer, PluginState, Plugins, State, WasmSettings,
};
use clipmill_plugins::{Codec, Handler, Order, Registry, ResolveOptions, Source};
use tempfile::TempDir;
use url::Url;

use crate::guest::Guest;

pub struct Host {
    pub plugins: Plugins,
    pub registry: Arc<Registry>,
    pub folder: PathBuf,
    pub ears: Arc<Ears>,
    pub root: TempDir,
}

/// Everything that an observer hears.
#[derive(Default)]
pub struct Ears {
    calls: Mutex<Vec<CallReport>>,
    changes: Mutex<Vec<Vec<PluginState>>>,
}

impl Observer for Ears {
    fn called(&self, report: &CallReport) {
        self.calls.lock().unwrap().push(report.clone());
    }

    fn changed(&self, plugins: &[PluginState]) {
        self.changes.lock().unwrap().push(plugins.to_vec());
    }
}

impl Ears {
    /// The last call of this function.
    pub fn last(&self, plugin: &str, call: &str) -> CallReport {
        let calls = self.calls.lock().unwrap();
        let of_it = |report: &&CallReport| report.plugin == plugin && report.call == call;
        calls.iter().rev().find(of_it).unwrap_or_else(|| panic!("no {call} of {plugin}")).clone()
    }

    /// What was told last of all plugins.
    pub fn told(&self) -> Vec<PluginState> {
        self.changes.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

/// A client that reaches this machine.
pub fn open_client() -> net::Client {
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    net::Client::new(net::ClientSettings { allow, ..net::ClientSettings::default() }).unwrap()
}

pub fn settings(folder: &Path) -> WasmSettings {
    WasmSettings {
        folder: folder.to_owned(),
        cache_folder: None,
        client: open_client(),
        ceilings: Ceilings::default(),
        grant: Grant::AsWanted,
        each: Default::default(),
        observer: None,
    }
}

impl Host {
    /// A host with these in its folder, loaded.
    pub async fn of(guests: &[Guest]) -> Host {
        Host::with(|_| (), guests).await
    }

    pub async fn with(change: impl FnOnce(&mut WasmSettings), guests: &[Guest]) -> Host {
        let host = Host::empty(change);
        for guest in guests {
            host.put(guest);
        }
        host.plugins.scan().await;
        host
    }

    /// A host whose folder is not there yet.
    pub fn empty(change: impl FnOnce(&mut WasmSettings)) -> Host {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("plugins");
        let ears = Arc::new(Ears::default());
        let mut settings = settings(&folder);
        settings.observer = Some(Arc::clone(&ears) as Arc<dyn Observer>);
        change(&mut settings);
        let built_in = vec![Handler::Codec(Arc::new(H264))];
        let registry = Arc::new(Registry::new(built_in, Order::default()));
        let plugins = Plugins::new(settings, Arc::clone(&registry));
        Host { plugins, registry, folder, ears, root }
    }

    /// Puts a guest into the folder, as a pair of files.
    pub fn put(&self, guest: &Guest) {
        self.write(&format!("{}.toml", guest.name), guest.manifest());
        self.write(&format!("{}.wasm", guest.name), guest.component());
    }

    /// Writes a file, at once for all who look.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let beside = path.with_extension("part");
        std::fs::write(&beside, bytes).unwrap();
        std::fs::rename(beside, path).unwrap();
    }

    pub fn source(&self, name: &str) -> Arc<dyn Source> {
        let sources = self.registry.sources();
        let found = sources.into_iter().find(|source| source.describe().name == name);
        found.unwrap_or_else(|| panic!("{name} is not asked: {:?}", self.states()))
    }

    pub fn codec(&self, name: &str) -> Arc<dyn Codec> {
        let found = self.registry.codec(name);
        found.unwrap_or_else(|| panic!("{name} is not asked: {:?}", self.states()))
    }

    pub fn state(&self, name: &str) -> PluginState {
        let found = self.plugins.list().into_iter().find(|state| state.name == name);
        found.unwrap_or_else(|| panic!("{name} is not listed"))
    }

    fn states(&self) -> Vec<(String, State)> {
        self.plugins.list().into_iter().map(|it| (it.name, it.state)).collect()
    }

    /// Why a plugin does not load.
    pub fn broken(&self, name: &str) -> String {
        match self.state(name).state {
            State::Broken { reason } => reason,
            other => panic!("{name} is {other:?}"),
        }
    }

    /// Its faults, and the last of them.
    pub fn faults(&self, name: &str) -> (u64, String) {
        let loaded = self.state(name).loaded.unwrap();
        (loaded.faults, loaded.last_fault.unwrap_or_default())
    }

    /// Its version, as long as it is asked.
    pub fn version(&self, name: &str) -> Option<String> {
        let sources = self.registry.sources();
        let asked = sources.iter().any(|source| source.describe().name == name);
        let state = self.plugins.list().into_iter().find(|state| state.name == name)?;
        state.loaded.map(|loaded| loaded.version).filter(|_| asked)
    }
}

/// Asks a source for an address that is its own.
pub async fn resolve(source: &dyn Source, path: &str) -> Result<Arc<MediaInfo>, Error> {
    let url = format!("https://{}.example/{path}", source.describe().name);
    source.resolve(&url.parse::<Url>().unwrap(), ResolveOptions::default()).await
}

/// Waits until something is so; how long that took.
///
/// # Panics
/// When it is not so after ten seconds.
pub async fn until(what: &str, is_so: impl Fn() -> bool) -> Duration {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    began.elapsed()
}
