//! What may be lost: progress, counters and the wake-up, all in memory.

use std::time::Duration;

use async_trait::async_trait;
use clipmill_core::{Id, Progress, Time};

use super::Sqlite;
use crate::volatile::Window;
use crate::{Ephemeral, Result};

#[async_trait]
impl Ephemeral for Sqlite {
    async fn set_progress(&self, id: Id, progress: &Progress) -> Result<()> {
        self.inner.volatile.set_progress(id, progress).await;
        Ok(())
    }

    async fn progress(&self, id: Id) -> Result<Option<Progress>> {
        Ok(self.inner.volatile.progress(id).await)
    }

    async fn clear_progress(&self, id: Id) -> Result<()> {
        self.inner.volatile.clear_progress(id).await;
        Ok(())
    }

    async fn count(&self, key: &str, window: Duration, now: Time) -> Result<u64> {
        Ok(self.inner.volatile.count(Window::containing(key, window, now)).await)
    }

    async fn wake_workers(&self) {
        self.inner.volatile.wake();
    }

    async fn wait_for_work(&self, timeout: Duration) {
        self.inner.volatile.wait(timeout).await;
    }
}
