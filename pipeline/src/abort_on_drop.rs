//! Work that goes on while something else is done.

use std::sync::{Mutex, PoisonError};

use tokio::task::JoinHandle;

/// It goes on for as long as this is held.
#[derive(Debug)]
pub(super) struct AbortOnDrop<T>(Mutex<Option<Running<T>>>);

#[derive(Debug)]
struct Running<T>(JoinHandle<T>);

impl<T: Send + 'static> AbortOnDrop<T> {
    /// Begins.
    pub fn begin(work: impl Future<Output = T> + Send + 'static) -> AbortOnDrop<T> {
        AbortOnDrop(Mutex::new(Some(Running(tokio::spawn(work)))))
    }

    /// Waits for its result; none when somebody has taken that already, or when
    /// it ended badly.
    pub async fn result(&self) -> Option<T> {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        (&mut running?.0).await.ok()
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        // The folder may go now.
        self.0.abort();
    }
}
