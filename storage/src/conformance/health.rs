//! Rules of the health check.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fixtures::new_id;
use crate::Storage;

/// And the backend has a name.
pub async fn health_of_a_working_backend_is_empty(storage: Arc<dyn Storage>) {
    assert_eq!(storage.problems().await, [""; 0]);
    assert!(!storage.backend().is_empty());
}

/// And says so at once.
pub async fn health_closed_backend_is_unavailable(storage: Arc<dyn Storage>) {
    storage.close().await;
    let began = Instant::now();
    let error = storage.user_by_id(new_id()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(!storage.problems().await.is_empty());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
