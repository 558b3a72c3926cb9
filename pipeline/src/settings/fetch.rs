//! `[fetch]`: how remote files are downloaded.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `[fetch]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FetchSettings {
    /// Connections of one job at a time, 1 to 32.
    pub connections: usize,
    /// Seconds after which a silent connection is raced by another one.
    pub stall_seconds: f64,
}

impl Default for FetchSettings {
    fn default() -> FetchSettings {
        FetchSettings { connections: 8, stall_seconds: 2.0 }
    }
}

impl FetchSettings {
    /// How long a connection may be silent.
    pub fn stall(&self) -> Duration {
        // Anything else is refused with the configuration.
        Duration::try_from_secs_f64(self.stall_seconds).unwrap_or(Duration::from_secs(2))
    }

    /// Passes to `rule` whether each of the rules holds, and its text.
    pub fn check(&self, rule: &mut impl FnMut(bool, &str)) {
        rule((1..=32).contains(&self.connections), "fetch.connections: must be 1 to 32");
        rule((0.1..=60.0).contains(&self.stall_seconds), "fetch.stall_seconds: must be 0.1 to 60");
    }
}
