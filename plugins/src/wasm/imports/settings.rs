//! The operator's settings of a plugin.

use super::super::bindings::settings::Host;
use super::super::context::Context;

impl Host for Context {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        self.count()?;
        Ok(self.plugin.settings.get(&key).cloned())
    }
}
