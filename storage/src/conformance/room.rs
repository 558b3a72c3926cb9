//! Where a case's backend keeps its records, seen from outside.

use std::sync::Arc;

use async_trait::async_trait;
use clipmill_core::Id;

use crate::Storage;

/// What a case may ask of the test that made its backend.
#[async_trait]
pub trait Room: Send + Sync {
    /// Another node on the same records. A backend that lives in one process
    /// has only one; another handle of it, then.
    async fn another(&self) -> Arc<dyn Storage>;

    /// Writes something into a video's record that clipmill knows nothing of,
    /// as an older service or a newer version may have.
    async fn scribble(&self, video: Id);

    /// Whether that is there, as it was written.
    async fn is_scribbled(&self, video: Id) -> bool;
}
