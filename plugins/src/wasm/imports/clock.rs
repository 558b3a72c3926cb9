//! The time.

use std::time::{SystemTime, UNIX_EPOCH};

use super::super::bindings::clock::Host;
use super::super::context::Context;

impl Host for Context {
    async fn now_ms(&mut self) -> wasmtime::Result<u64> {
        self.count()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
    }
}
