//! What there is to tell of a plugin.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::manifest::{Kind, Wants};

/// A plugin of the folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginState {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: State,
    /// Of the version that is in use, if one is.
    pub loaded: Option<LoadedState>,
    /// Name of its file in the folder.
    pub file: String,
}

/// Where a plugin stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum State {
    /// It is asked.
    Active,
    /// It is loaded and not asked, because the configuration says so.
    Disabled,
    /// It is not asked for half an hour after repeated faults, or until its file
    /// changes or the daemon starts again.
    SetAside {
        /// Which faults.
        reason: String,
    },
    /// What is in the folder does not load. An earlier version stays in use.
    Broken {
        /// What is wrong.
        reason: String,
    },
}

/// The version of a plugin that is in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadedState {
    /// Its version.
    pub version: String,
    /// Version of the interface.
    pub api: String,
    /// Which world it implements.
    pub kind: Kind,
    /// What it is for.
    pub description: String,
    /// SHA-256 of file and manifest, hexadecimal.
    pub sha256: String,
    /// What its manifest asks for.
    pub wants: Wants,
    /// What it may use: the same within the operator's ceilings and grants.
    pub has: Wants,
    /// Calls so far.
    pub calls: u64,
    /// Calls that gave no answer that can be used.
    pub faults: u64,
    /// The last of them.
    pub last_fault: Option<String>,
    /// When it was loaded.
    pub loaded_at: DateTime<Utc>,
}
