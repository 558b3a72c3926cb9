//! Plugins: sources and codecs as WebAssembly components, in an embedded
//! engine (wasmtime), loaded and replaced while the daemon runs.
//!
//! A guest has what the interface in `wit/` names and nothing else: no files,
//! no environment, no sockets. Every call meets a fresh instance with bounds on
//! memory, computing time, waiting time, and everything that it hands over; a
//! guest that oversteps one of them loses that call, and its circuit breaker opens
//! when that happens again and again. `convert` checks every response.

mod bind;
mod bindings;
mod circuit_breaker;
mod codec;
mod component;
mod context;
mod convert;
mod fault;
mod frames;
mod fresh;
mod grants;
mod identity;
mod imports;
mod loaded;
mod manifest;
mod observer;
mod pack;
mod package;
mod plugin;
mod plugin_cache;
mod plugins;
mod runtime;
mod section;
mod settings;
mod source;
mod state;
mod ticker;
mod watch;

pub use grants::{Each, Grant};
pub use manifest::{API, Kind, PluginManifest, Wants, is_host_pattern};
pub use observer::{CallReport, Observer};
pub use pack::pack;
pub use plugins::{Inspected, Plugins};
pub use settings::{Ceilings, WasmSettings};
pub use state::{LoadedState, PluginState, State};
