//! A background task that ends when its handle is dropped: its folder may be
//! removed then.

use std::sync::Mutex;

use clipmill_core::lock;
use tokio::task::JoinHandle;

/// A task that runs for as long as this is held.
#[derive(Debug)]
pub(crate) struct AbortOnDrop<T>(Mutex<Option<AbortingHandle<T>>>);

#[derive(Debug)]
struct AbortingHandle<T>(JoinHandle<T>);

impl<T: Send + 'static> AbortOnDrop<T> {
    /// Starts the task.
    pub fn spawn(work: impl Future<Output = T> + Send + 'static) -> AbortOnDrop<T> {
        AbortOnDrop(Mutex::new(Some(AbortingHandle(tokio::spawn(work)))))
    }

    /// Waits for its result; none when another caller has taken that already, or
    /// when the task panicked.
    pub async fn result(&self) -> Option<T> {
        let running = lock(&self.0).take();
        (&mut running?.0).await.ok()
    }
}

impl<T> Drop for AbortingHandle<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
