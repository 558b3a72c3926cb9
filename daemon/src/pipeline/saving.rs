//! Something that is written down while work goes on.

use tokio::task::JoinHandle;

/// It is written for as long as this is held.
#[derive(Debug)]
pub(super) struct Saving(JoinHandle<()>);

impl Saving {
    /// Begins to write.
    pub fn begin(write: impl Future<Output = ()> + Send + 'static) -> Saving {
        Saving(tokio::spawn(write))
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        // The folder may go now.
        self.0.abort();
    }
}
