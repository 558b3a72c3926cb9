//! Sessions that ended while Redis was unavailable. They are marked as ended
//! before any session is read from Redis again.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, RedisResult};

/// How long a mark stands: longer than any read of the database that began
/// before the session ended.
const MARK_SECONDS: u64 = 60;

/// Most keys that are kept; beyond it the oldest is dropped. A cached session is
/// trusted for some seconds only, with or without a mark.
const KEYS: usize = 10_000;

/// The value of a mark. The reference service takes it for no session, too.
pub(super) const ENDED: &[u8] = b"{}";

/// Marks the session of a key as ended.
pub(super) fn mark(key: &str) -> Cmd {
    let mut command = ::redis::cmd("SET");
    command.arg(key).arg(ENDED).arg("EX").arg(MARK_SECONDS);
    command
}

/// Keys that are still to be marked, oldest first.
#[derive(Default)]
pub(super) struct PendingInvalidations(Mutex<VecDeque<String>>);

impl PendingInvalidations {
    pub(super) fn add(&self, keys: impl IntoIterator<Item = String>) {
        let mut late = self.keys();
        for key in keys {
            if late.len() == KEYS {
                late.pop_front();
            }
            late.push_back(key);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys().is_empty()
    }

    /// Marks them all. What could not be written stays.
    pub(super) async fn write(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let now: HashSet<String> = self.keys().iter().cloned().collect();
        if now.is_empty() {
            return Ok(());
        }
        let mut marks = ::redis::Pipeline::with_capacity(now.len());
        for key in &now {
            marks.add_command(mark(key)).ignore();
        }
        marks.exec_async(connection).await?;
        self.keys().retain(|key| !now.contains(key));
        Ok(())
    }

    fn keys(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_when_there_are_too_many() {
        let late = PendingInvalidations::default();
        late.add((0..KEYS + 2).map(|number| number.to_string()));
        let keys = late.keys();
        assert_eq!(keys.len(), KEYS);
        assert_eq!(keys.front().map(String::as_str), Some("2"));
    }
}
