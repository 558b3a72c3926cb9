//! The bytes of one fetch, counted and bounded.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::pipeline::StageError;

/// Bytes that one fetch received, and how many it may.
#[derive(Debug)]
pub(super) struct Budget {
    received: AtomicU64,
    limit: u64,
}

impl Budget {
    pub fn new(limit: u64) -> Budget {
        Budget { received: AtomicU64::new(0), limit }
    }

    /// Bytes so far.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Counts bytes.
    ///
    /// # Errors
    /// `too_large`.
    pub fn take(&self, bytes: usize) -> Result<(), StageError> {
        let bytes = bytes as u64;
        if self.received.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > self.limit {
            return Err(StageError::never(
                "too_large",
                "the download for this clip is larger than is allowed here",
            ));
        }
        Ok(())
    }
}
