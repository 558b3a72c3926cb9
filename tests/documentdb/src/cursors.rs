//! Cursors that clients have not drained yet: where each continues. Bounded in number and in idle
//! time, because clients may vanish.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    errors::{BAD_VALUE, CURSOR_NOT_FOUND, Failure},
    pool::Column,
};

const MAX_CURSORS: usize = 1000;
/// As MongoDB does it.
const MAX_IDLE: Duration = Duration::from_secs(600);

/// Where a cursor continues.
pub struct Cursor {
    /// The database of the query.
    pub database: String,
    /// What DocumentDB wants back with the next request.
    pub continuation: Column,
}

/// The open cursors of all clients, by the number that clients know.
#[derive(Default)]
pub struct Cursors {
    open: Mutex<HashMap<i64, (Instant, Cursor)>>,
}

impl Cursors {
    /// Keeps a cursor until it is asked for again.
    ///
    /// # Errors
    /// When there are too many.
    pub fn keep(&self, id: i64, cursor: Cursor) -> Result<(), Failure> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_CURSORS {
            open.retain(|_, (used, _)| used.elapsed() < MAX_IDLE);
        }
        if open.len() >= MAX_CURSORS {
            return Err(Failure::new(BAD_VALUE, "too many open cursors"));
        }
        open.insert(id, (Instant::now(), cursor));
        Ok(())
    }

    /// Takes a cursor out, to continue it or to forget it.
    ///
    /// # Errors
    /// When there is none of this number, or somebody else continues it right now.
    pub fn take(&self, id: i64) -> Result<Cursor, Failure> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.remove(&id) {
            Some((used, cursor)) if used.elapsed() < MAX_IDLE => Ok(cursor),
            _ => Err(Failure::new(CURSOR_NOT_FOUND, format!("cursor id {id} not found"))),
        }
    }
}
