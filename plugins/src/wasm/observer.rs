//! Who hears of what plugins do.

use std::time::Duration;

use super::state::PluginState;

/// Hears of calls and of changes. It must not block.
pub trait Observer: Send + Sync {
    /// A call into a guest has ended.
    fn called(&self, report: &CallReport);

    /// A plugin was loaded, replaced, removed, broke, met a fault or was set
    /// aside; these are all there are now.
    fn changed(&self, plugins: &[PluginState]);
}

/// One call into a guest.
#[derive(Debug, Clone, PartialEq)]
pub struct CallReport {
    /// Name of the plugin.
    pub plugin: String,
    /// The function: `describe`, `claims`, `resolve`, `plan`, `begin`,
    /// `push-video`, `push-audio`, `finish`.
    pub call: &'static str,
    /// Why it gave no answer that can be used, if it gave none. An error that
    /// the guest answered is an answer.
    pub fault: Option<String>,
    /// From call to answer.
    pub duration: Duration,
    /// Making the instance; zero where there was one.
    pub instantiate: Duration,
    /// Time in which the guest computed, in steps of 10 ms.
    pub computing: Duration,
    /// Most memory of the instance, bytes.
    pub memory_bytes: usize,
    /// HTTP requests.
    pub requests: u32,
    /// Bytes of all HTTP bodies that came.
    pub received_bytes: u64,
    /// Lines that it logged, those that were left out included.
    pub log_lines: u32,
}
