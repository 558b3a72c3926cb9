//! The plugins of a folder, and the changes of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use clipmill_core::{Code, Error};
use futures_util::StreamExt as _;

use super::loaded::Loaded;
use super::package::{self, Place};
use super::runtime::PluginRuntime;
use super::settings::WasmSettings;
use super::state::{PluginState, State};
use crate::{Handler, Registry};

/// Plugins that are loaded at a time: one that takes long to compile, or to say
/// who it is, holds up no other.
const LOADING: usize = 4;

/// The plugins of a folder, kept in a registry. Clones are the same plugins.
#[derive(Clone)]
pub struct Plugins {
    pub(super) inner: Arc<PluginsInner>,
}

pub(super) struct PluginsInner {
    pub settings: WasmSettings,
    /// Made for the first plugin: who has none pays for none.
    runtime: Mutex<Option<Arc<PluginRuntime>>>,
    registry: Arc<Registry>,
    slots: Mutex<BTreeMap<String, Slot>>,
    /// One look at the folder at a time.
    scanning: tokio::sync::Mutex<()>,
}

/// A name in the folder.
struct Slot {
    place: Place,
    /// The last version that loaded.
    loaded: Option<Loaded>,
    /// Why the one in the folder does not.
    broken: Option<String>,
}

/// One plugin, loaded to be looked at.
pub struct Inspected {
    /// It.
    pub handler: Handler,
    /// What there is to tell of it.
    pub state: PluginState,
    /// What it imports, by name.
    pub imports: Vec<String>,
    /// How long compiling it took; little where it was in the cache.
    pub compile: Duration,
}

impl Plugins {
    /// A host that has not looked at its folder yet.
    pub fn new(settings: WasmSettings, registry: Arc<Registry>) -> Plugins {
        let inner = PluginsInner {
            settings,
            runtime: Mutex::default(),
            registry,
            slots: Mutex::default(),
            scanning: tokio::sync::Mutex::default(),
        };
        Plugins { inner: Arc::new(inner) }
    }

    /// Looks at the folder: loads what is new or has changed, lets go what is
    /// gone. What does not load replaces nothing. Each change is a line in the
    /// log.
    pub async fn scan(&self) {
        let inner = &self.inner;
        let _one = inner.scanning.lock().await;
        let Some(found) = inner.find().await else { return };
        let gone = inner.drop_missing(&found);
        if !gone.is_empty() {
            inner.publish();
        }
        for name in gone {
            tracing::info!(plugin = name, "plugin removed");
        }
        let take = |(name, place)| async move {
            if inner.load_if_new(name, place).await {
                inner.publish();
            }
        };
        futures_util::stream::iter(found).for_each_concurrent(LOADING, take).await;
        if inner.bring_back() {
            inner.publish();
        }
    }

    /// All plugins of the folder, by name.
    pub fn list(&self) -> Vec<PluginState> {
        self.inner.list()
    }

    /// Loads one plugin, wherever it is, without using it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn inspect(&self, path: &Path) -> Result<Inspected, Error> {
        let (name, place) = package::place_of(path)?;
        let package = place.read(&name, None)?;
        let inner = &self.inner;
        inner.free_name(&name)?;
        let loaded =
            Loaded::load(package, &inner.settings, &inner.runtime()?, Arc::new(|_| ())).await?;
        let file = file_name(&place);
        Ok(Inspected {
            state: PluginState { name, state: State::Active, loaded: Some(loaded.state()), file },
            handler: loaded.handler,
            imports: loaded.compiled.imports,
            compile: loaded.compiled.took,
        })
    }
}

impl PluginsInner {
    /// What is in the folder; none when it can't be read.
    pub async fn find(&self) -> Option<BTreeMap<String, Place>> {
        let folder = self.settings.folder.clone();
        let found = tokio::task::spawn_blocking(move || package::find(&folder)).await;
        match found {
            Ok(Ok(found)) => Some(found),
            Ok(Err(error)) => {
                let folder = self.settings.folder.display();
                tracing::warn!(%folder, %error, "the plugin folder can't be read");
                None
            }
            Err(_) => None,
        }
    }

    fn runtime(&self) -> Result<Arc<PluginRuntime>, Error> {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*runtime {
            return Ok(Arc::clone(runtime));
        }
        let made = Arc::new(PluginRuntime::new(self.settings.cache_folder.as_deref())?);
        *runtime = Some(Arc::clone(&made));
        Ok(made)
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<String, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drop_missing(&self, found: &BTreeMap<String, Place>) -> Vec<String> {
        let mut slots = self.slots();
        let gone: Vec<_> =
            slots.keys().filter(|name| !found.contains_key(*name)).cloned().collect();
        for name in &gone {
            slots.remove(name);
        }
        gone
    }

    /// Takes up what is at a place, if it is something new; whether it is.
    async fn load_if_new(self: &Arc<PluginsInner>, name: String, place: Place) -> bool {
        if self.slots().get(&name).is_some_and(|slot| slot.place == place) {
            return false;
        }
        let loaded = self.load(&name, &place).await;
        let mut slots = self.slots();
        let slot = slots.entry(name.clone()).or_insert(Slot {
            place: place.clone(),
            loaded: None,
            broken: None,
        });
        slot.place = place;
        match loaded {
            Ok(loaded) => {
                let plugin = name;
                let version = &loaded.manifest.version;
                let kind = loaded.manifest.kind;
                let hosts = loaded.plugin.identity.grants.0.join(" ");
                let duration_ms = loaded.compiled.took.as_millis() as u64;
                match slot.loaded.as_ref().map(|old| old.manifest.version.clone()) {
                    None => {
                        tracing::info!(plugin, version, %kind, hosts, duration_ms, "plugin loaded")
                    }
                    Some(old) => {
                        tracing::info!(plugin, version, %kind, hosts, duration_ms, old, "plugin replaced");
                    }
                }
                slot.loaded = Some(loaded);
                slot.broken = None;
            }
            Err(error) => {
                let kept = slot.loaded.as_ref().map(|old| old.manifest.version.clone());
                tracing::warn!(plugin = name, error.code = %error.code, kept, "plugin does not load: {error}");
                slot.broken = Some(error.message);
            }
        }
        true
    }

    async fn load(self: &Arc<PluginsInner>, name: &str, place: &Place) -> Result<Loaded, Error> {
        self.free_name(name)?;
        let (place, folder) = (place.clone(), self.settings.folder.clone());
        let of = name.to_owned();
        let read = tokio::task::spawn_blocking(move || place.read(&of, Some(&folder))).await;
        let package = read.map_err(|error| {
            Error::never(Code::HostFailed, format!("reading it was ended: {error}"))
        })??;
        let weak: Weak<PluginsInner> = Arc::downgrade(self);
        let on_fault = Arc::new(move |aside: bool| match (weak.upgrade(), aside) {
            (Some(inner), true) => inner.publish(),
            (Some(inner), false) => inner.notify_observer(),
            (None, _) => {}
        });
        Loaded::load(package, &self.settings, &self.runtime()?, on_fault).await
    }

    fn free_name(&self, name: &str) -> Result<(), Error> {
        match self.registry.is_built_in(name) {
            false => Ok(()),
            true => Err(Error::never(
                Code::NameTaken,
                format!("{name} is a built-in handler; give the plugin another name"),
            )),
        }
    }

    /// Asks again who was set aside for long enough; whether there is one.
    fn bring_back(&self) -> bool {
        let slots = self.slots();
        let mut any = false;
        for (name, slot) in slots.iter() {
            let loaded = slot.loaded.as_ref();
            if loaded.is_some_and(|it| it.plugin.breaker.close_if_due(Instant::now())) {
                tracing::info!(plugin = name, "plugin is asked again");
                any = true;
            }
        }
        any
    }

    /// Puts all that are to be asked into the registry, and tells the observer.
    pub fn publish(&self) {
        let slots = self.slots();
        let loaded = slots.values().filter_map(|slot| slot.loaded.as_ref());
        let active = loaded.filter(|loaded| !loaded.plugin.breaker.is_open());
        self.registry.set_plugins(active.map(|loaded| loaded.handler.clone()).collect());
        drop(slots);
        self.notify_observer();
    }

    fn notify_observer(&self) {
        if let Some(observer) = &self.settings.observer {
            observer.changed(&self.list());
        }
    }

    fn list(&self) -> Vec<PluginState> {
        let slots = self.slots();
        let state = |(name, slot): (&String, &Slot)| {
            let aside = slot.loaded.as_ref().and_then(|it| it.plugin.breaker.counts().open);
            let aside = aside.map(|(reason, _)| reason);
            let state = match (&slot.broken, aside) {
                (Some(reason), _) => State::Broken { reason: reason.clone() },
                (None, _) if self.registry.is_disabled(name) => State::Disabled,
                (None, Some(reason)) => State::SetAside { reason },
                (None, None) => State::Active,
            };
            PluginState {
                name: name.clone(),
                state,
                loaded: slot.loaded.as_ref().map(Loaded::state),
                file: file_name(&slot.place),
            }
        };
        slots.iter().map(state).collect()
    }
}

fn file_name(place: &Place) -> String {
    place.wasm.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
