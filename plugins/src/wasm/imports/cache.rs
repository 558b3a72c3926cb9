//! What a plugin keeps from call to call.

use super::super::bindings::cache::Host;
use super::super::context::Context;

impl Host for Context {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        self.count()?;
        Ok(self.plugin.cache.get(&key).await)
    }

    async fn set(&mut self, key: String, value: Vec<u8>, seconds: u32) -> wasmtime::Result<()> {
        self.count()?;
        self.plugin.cache.set(key, value, seconds).await;
        Ok(())
    }
}
