//! What may be lost is Redis's, and this process's own while Redis is away.

use std::time::Duration;

use async_trait::async_trait;
use clipmill_core::{Id, Progress, Time};

use super::backend::Mongo;
use crate::{Ephemeral, Result};

#[async_trait]
impl Ephemeral for Mongo {
    async fn set_progress(&self, id: Id, progress: &Progress) -> Result<()> {
        self.inner.redis.set_progress(id, progress).await;
        Ok(())
    }

    async fn progress(&self, id: Id) -> Result<Option<Progress>> {
        Ok(self.inner.redis.progress(id).await)
    }

    async fn clear_progress(&self, id: Id) -> Result<()> {
        self.inner.redis.clear_progress(id).await;
        Ok(())
    }

    async fn count(&self, key: &str, window: Duration, now: Time) -> Result<u64> {
        Ok(self.inner.redis.count(key, window, now).await)
    }

    async fn wake_workers(&self) {
        self.inner.redis.wake().await;
    }

    async fn wait_for_work(&self, timeout: Duration) {
        self.inner.redis.wait(timeout).await;
    }
}
