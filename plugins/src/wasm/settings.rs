//! What the operator decides over plugins.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clipmill_core::net;

use super::grants::{Each, Grant};
use super::manifest::Wants;
use super::observer::Observer;

/// What the host of plugins needs.
#[derive(Clone)]
pub struct WasmSettings {
    /// Where plugins are.
    pub folder: PathBuf,
    /// Where compiled plugins are kept; none to compile them at each start.
    pub cache_folder: Option<PathBuf>,
    /// The client that they and the fetches of their formats go through.
    pub client: net::Client,
    /// The most that any of them gets, whatever its manifest asks for.
    pub ceilings: Ceilings,
    /// The hosts of plugins that [`WasmSettings::each`] says nothing of.
    pub grant: Grant,
    /// By name of the plugin.
    pub each: BTreeMap<String, Each>,
    /// Who hears of calls and changes.
    pub observer: Option<Arc<dyn Observer>>,
}

/// The most that a plugin gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceilings {
    /// Memory of one instance, megabytes (2^20 bytes).
    pub memory_mb: u32,
    /// Wall-clock time of one call.
    pub call: Duration,
}

impl Default for Ceilings {
    fn default() -> Ceilings {
        Ceilings { memory_mb: 256, call: Duration::from_secs(60) }
    }
}

impl Ceilings {
    /// What is left of a wish.
    pub(super) fn bound(&self, wants: &Wants) -> Wants {
        let seconds = u32::try_from(self.call.as_secs()).unwrap_or(u32::MAX);
        Wants {
            hosts: wants.hosts.clone(),
            memory_mb: wants.memory_mb.min(self.memory_mb),
            seconds: wants.seconds.min(seconds),
            max_body_kb: wants.max_body_kb,
        }
    }
}
