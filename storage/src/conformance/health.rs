//! Rules of the health check.

use std::sync::Arc;

use crate::Storage;

/// And the backend has a name.
pub async fn health_of_a_working_backend_is_empty(storage: Arc<dyn Storage>) {
    assert_eq!(storage.problems().await, [""; 0]);
    assert!(!storage.backend().is_empty());
}
