//! The bytes of one fetch, counted and bounded.

use std::sync::atomic::{AtomicU64, Ordering};

use clipmill_core::{Code, Error};

/// How many bytes one fetch has received, will need, and may download.
#[derive(Debug)]
pub struct DownloadBudget {
    received: AtomicU64,
    /// Bytes in all; 0 while it is unknown.
    needed: AtomicU64,
    limit: u64,
}

impl DownloadBudget {
    /// A budget of at most `limit` bytes.
    pub fn new(limit: u64) -> DownloadBudget {
        DownloadBudget { received: AtomicU64::new(0), needed: AtomicU64::new(0), limit }
    }

    /// Bytes so far.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Bytes in all, once it is known how many will be downloaded.
    pub fn needed(&self) -> Option<u64> {
        Some(self.needed.load(Ordering::Relaxed)).filter(|all| *all > 0)
    }

    /// Announces that `bytes` more will be downloaded.
    ///
    /// # Errors
    /// `too_large`.
    pub fn announce(&self, bytes: u64) -> Result<(), Error> {
        let all = self.received().saturating_add(bytes);
        self.needed.store(all, Ordering::Relaxed);
        self.check(all)
    }

    /// Counts bytes that arrived.
    ///
    /// # Errors
    /// `too_large`.
    pub fn count(&self, bytes: usize) -> Result<(), Error> {
        let bytes = bytes as u64;
        self.check(self.received.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes))
    }

    fn check(&self, all: u64) -> Result<(), Error> {
        if all <= self.limit {
            return Ok(());
        }
        Err(Error::never(
            Code::TooLarge,
            "the download for this clip is larger than is allowed here",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_beyond_the_limit_are_refused() {
        let budget = DownloadBudget::new(100);
        assert_eq!((budget.needed(), budget.announce(90)), (None, Ok(())));
        assert_eq!(budget.count(60), Ok(()));
        assert_eq!((budget.received(), budget.needed()), (60, Some(90)));
        assert!(budget.announce(41).is_err_and(|error| error.code == Code::TooLarge));
        assert!(budget.count(41).is_err_and(|error| error.code == Code::TooLarge));
    }
}
