//! What to do when several clients write the same documents at the same time.
//!
//! DocumentDB gives up such a write with a conflict where MongoDB would quietly try again. So this
//! program tries again: with the collection to itself among those that had a conflict, because a
//! crowd that tries again all at once only makes the next conflict.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Mutex as Queue;

/// Attempts after which a client hears of the conflict.
pub const MAX_ATTEMPTS: usize = 50;
/// Names that are remembered before the unused ones are dropped.
const MAX_NAMES: usize = 1000;

/// One queue a collection.
#[derive(Default)]
pub struct Conflicts {
    queues: Mutex<HashMap<String, Arc<Queue<()>>>>,
}

impl Conflicts {
    /// The queue of a collection or a database.
    pub fn queue(&self, name: &str) -> Arc<Queue<()>> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if queues.len() >= MAX_NAMES {
            queues.retain(|_, queue| Arc::strong_count(queue) > 1);
        }
        Arc::clone(queues.entry(name.to_owned()).or_default())
    }
}
