//! What it costs that a handler is a plugin: calls, loading, replacing, encoding.
//!
//! The plugins are the examples, in the engine itself: no daemon is between.

mod calls;
mod gif;
mod load;
mod reload;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clipmill_core::net;
use clipmill_plugins::wasm::{
    CallReport, Ceilings, Grant, Observer, PluginState, Plugins, WasmSettings,
};
use clipmill_plugins::{Order, Registry};
use clipmill_tests::guests;

use crate::report::Report;

/// Measures all of it.
pub async fn measure(report: &mut Report) {
    calls::measure(report).await;
    load::measure(report).await;
    gif::measure(report).await;
    reload::measure(report).await;
}

/// A host of plugins on a folder of its own.
struct Host {
    folder: tempfile::TempDir,
    registry: Arc<Registry>,
    plugins: Plugins,
    calls: Arc<Calls>,
}

/// The reports of all calls.
#[derive(Default)]
struct Calls(Mutex<Vec<CallReport>>);

impl Observer for Calls {
    fn called(&self, report: &CallReport) {
        self.0.lock().unwrap().push(report.clone());
    }

    fn changed(&self, _: &[PluginState]) {}
}

impl Calls {
    /// The reports until now; from here on they are collected anew.
    fn take(&self) -> Vec<CallReport> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Host {
    /// A host with these examples, loaded.
    async fn with(names: &[&str]) -> Host {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            guests::drop_into(&folder.path().join("plugins"), name);
        }
        let (registry, calls) =
            (Arc::new(Registry::new(Vec::new(), Order::default())), Arc::default());
        let plugins = open(folder.path(), &registry, &calls);
        plugins.scan().await;
        assert_eq!(plugins.list().len(), names.len());
        Host { folder, registry, plugins, calls }
    }
}

/// The client of these plugins, which reach the local server.
fn client() -> net::Client {
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    net::Client::new(net::ClientSettings { allow, ..net::ClientSettings::default() }).unwrap()
}

/// A host on a folder that may have compiled plugins already.
fn open(folder: &Path, registry: &Arc<Registry>, calls: &Arc<Calls>) -> Plugins {
    let settings = WasmSettings {
        folder: folder.join("plugins"),
        cache_folder: Some(folder.join("cache")),
        client: client(),
        ceilings: Ceilings { memory_mb: 512, call: Duration::from_secs(60) },
        grant: Grant::AsWanted,
        each: Default::default(),
        observer: Some(Arc::clone(calls) as Arc<dyn Observer>),
    };
    Plugins::new(settings, Arc::clone(registry))
}
