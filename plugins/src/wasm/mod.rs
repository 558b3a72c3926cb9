//! Plugins: sources and codecs as WebAssembly components, in an embedded
//! engine (wasmtime), loaded and replaced while the daemon runs.
//!
//! A guest has what the interface in `wit/` names and nothing else: no files,
//! no environment, no sockets. Every call meets a fresh instance with bounds on
//! memory, computing time, waiting time, and everything that it hands over; a
//! guest that oversteps one of them loses that call, and is set aside when it
//! does so again and again. What it answers is checked before anybody uses it.

mod bind;
mod bindings;
mod codec;
mod component;
mod context;
mod convert;
mod engine;
mod fault;
mod frames;
mod fresh;
mod grants;
mod imports;
mod loaded;
mod manifest;
mod observer;
mod pack;
mod package;
mod plugin;
mod plugins;
mod record;
mod section;
mod settings;
mod source;
mod state;
mod ticker;
mod watch;

pub use grants::{Each, Grant};
pub use manifest::{API, Kind, Manifest, Wants, is_host_pattern};
pub use observer::{CallReport, Observer};
pub use pack::pack;
pub use plugins::{Inspected, Plugins};
pub use settings::{Ceilings, Settings};
pub use state::{LoadedState, PluginState, State};
