//! What the host functions know of the plugin that calls them.

use std::collections::BTreeMap;
use std::sync::Arc;

use clipmill_core::net;
use tokio::runtime::Handle;

use super::grants::GrantedHosts;
use super::manifest::Wants;
use super::plugin_cache::PluginCache;

/// Name, grants, settings and cache of one plugin.
pub(super) struct Identity {
    pub name: Arc<str>,
    /// What it wants, within the operator's ceilings.
    pub wants: Wants,
    pub grants: GrantedHosts,
    pub settings: BTreeMap<String, String>,
    pub cache: PluginCache,
    pub client: net::Client,
    /// The threads that serve requests; host functions do their I/O there.
    pub home: Handle,
}
