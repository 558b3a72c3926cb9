//! The bytes of one fetch, counted and bounded.

use std::sync::atomic::{AtomicU64, Ordering};

use clipmill_core::{Code, Error};

/// Bytes that one fetch received, how many it will need, and how many it may.
#[derive(Debug)]
pub(crate) struct Budget {
    received: AtomicU64,
    needed: AtomicU64,
    limit: u64,
}

impl Budget {
    pub fn new(limit: u64) -> Budget {
        Budget { received: AtomicU64::new(0), needed: AtomicU64::new(0), limit }
    }

    /// Bytes so far.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Bytes in all, once it is known how many are to come.
    pub fn needed(&self) -> Option<f64> {
        Some(self.needed.load(Ordering::Relaxed)).filter(|all| *all > 0).map(|all| all as f64)
    }

    /// So many bytes are to come.
    ///
    /// # Errors
    /// `too_large`.
    pub fn expect(&self, bytes: u64) -> Result<(), Error> {
        let all = self.received().saturating_add(bytes);
        self.needed.store(all, Ordering::Relaxed);
        if all > self.limit { Err(too_large()) } else { Ok(()) }
    }

    /// Counts bytes.
    ///
    /// # Errors
    /// `too_large`.
    pub fn take(&self, bytes: usize) -> Result<(), Error> {
        let bytes = bytes as u64;
        if self.received.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > self.limit {
            return Err(too_large());
        }
        Ok(())
    }
}

fn too_large() -> Error {
    Error::never(Code::TooLarge, "the download for this clip is larger than is allowed here")
}
