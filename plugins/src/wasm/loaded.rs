//! One version of a plugin, in use.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use clipmill_core::{Code, Error};
use tokio::runtime::Handle;

use super::bind::bind;
use super::component::{Compiled, compile};
use super::grants::GrantedHosts;
use super::identity::Identity;
use super::manifest::PluginManifest;
use super::package::Package;
use super::plugin::Plugin;
use super::plugin_cache::PluginCache;
use super::runtime::PluginRuntime;
use super::settings::WasmSettings;
use super::state::LoadedState;
use crate::Handler;

/// A plugin that answers.
pub(super) struct Loaded {
    pub handler: Handler,
    pub plugin: Arc<Plugin>,
    pub manifest: PluginManifest,
    pub sha256: String,
    pub compiled: Compiled,
    pub at: DateTime<Utc>,
}

impl Loaded {
    /// Compiles a package, binds it, and asks it who it is.
    pub async fn load(
        package: Package,
        settings: &WasmSettings,
        runtime: &Arc<PluginRuntime>,
        on_fault: Arc<dyn Fn(bool) + Send + Sync>,
    ) -> Result<Loaded, Error> {
        let Package { manifest, wasm, sha256 } = package;
        let engine = Arc::clone(runtime);
        let compiled = tokio::task::spawn_blocking(move || compile(&engine, &wasm));
        let compiled = compiled.await.map_err(|error| {
            Error::never(Code::HostFailed, format!("compiling it was ended: {error}"))
        })??;
        let each = settings.each.get(&manifest.name);
        let identity = Identity {
            name: manifest.name.as_str().into(),
            wants: settings.ceilings.bound(&manifest.wants),
            grants: GrantedHosts::granted(&manifest.wants.hosts, each, settings.grant),
            settings: each.map(super::grants::Each::texts).unwrap_or_default(),
            cache: PluginCache::default(),
            client: settings.client.clone(),
            home: Handle::current(),
        };
        let observer = settings.observer.clone();
        let plugin = Arc::new(Plugin::new(identity, Arc::clone(runtime), observer, on_fault));
        let handler = bind(&compiled, manifest.kind, Arc::clone(&plugin)).await?;
        Ok(Loaded { handler, plugin, manifest, sha256, compiled, at: Utc::now() })
    }

    /// What there is to tell of it.
    pub fn state(&self) -> LoadedState {
        let counts = self.plugin.breaker.counts();
        let identity = &self.plugin.identity;
        let mut has = identity.wants.clone();
        has.hosts.clone_from(&identity.grants.0);
        LoadedState {
            version: self.manifest.version.clone(),
            api: self.manifest.api.clone(),
            kind: self.manifest.kind,
            description: self.manifest.description.clone(),
            sha256: self.sha256.clone(),
            wants: self.manifest.wants.clone(),
            has,
            calls: counts.calls,
            faults: counts.faults,
            last_fault: counts.last_fault,
            loaded_at: self.at,
        }
    }
}
