//! What may be lost: progress, counters and the wake-up, all in memory.

use std::time::Duration;

use async_trait::async_trait;
use clipmill_core::{Id, Progress, Time};

use super::Sqlite;
use crate::ephemeral_memory::Window;
use crate::{Ephemeral, Result};

#[async_trait]
impl Ephemeral for Sqlite {
    async fn set_progress(&self, id: Id, progress: &Progress) -> Result<()> {
        self.inner.ephemeral.set_progress(id, progress).await;
        Ok(())
    }

    async fn progress(&self, id: Id) -> Result<Option<Progress>> {
        Ok(self.inner.ephemeral.progress(id).await)
    }

    async fn clear_progress(&self, id: Id) -> Result<()> {
        self.inner.ephemeral.clear_progress(id).await;
        Ok(())
    }

    async fn count(&self, key: &str, window: Duration, now: Time) -> Result<u64> {
        Ok(self.inner.ephemeral.count(Window::containing(key, window, now)).await)
    }

    async fn wake_workers(&self) {
        self.inner.ephemeral.wake();
    }

    async fn wait_for_work(&self, timeout: Duration) {
        self.inner.ephemeral.wait(timeout).await;
    }
}
