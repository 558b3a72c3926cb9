//! Watching the plugin folder.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::package::Place;
use super::plugins::Plugins;

/// A file whose size and time stay for this long counts as written.
const SETTLED: Duration = Duration::from_millis(150);
/// After this it is looked at all the same.
const LONGEST: Duration = Duration::from_secs(5);
/// Looks without being told, for file systems that don't tell.
const SLOW: Duration = Duration::from_secs(30);
/// The same where nothing can be watched, or there is no folder.
const POLL: Duration = Duration::from_millis(500);

impl Plugins {
    /// Looks at the folder whenever something changes in it, until the future
    /// is dropped. The folder is made where there is none; one that is taken
    /// away later is not, and is found again when it comes back.
    pub async fn watch(&self) {
        let folder = &self.inner.settings.folder;
        if let Err(error) = std::fs::create_dir_all(folder) {
            let folder = folder.display();
            tracing::warn!(%folder, %error, "the plugin folder can't be made");
        }
        let told = Arc::new(Notify::new());
        let (mut watched, mut watcher) = (None, None);
        loop {
            let here = identity(folder);
            if here != watched {
                watched = here;
                watcher = here.and_then(|_| self.watcher(&told));
            }
            // What came before the watcher is there to be seen.
            self.scan().await;
            let pause = match &watcher {
                Some(_) => SLOW,
                None => POLL,
            };
            if tokio::time::timeout(pause, told.notified()).await.is_ok() {
                self.settle().await;
            }
        }
    }

    fn watcher(&self, told: &Arc<Notify>) -> Option<RecommendedWatcher> {
        let folder = &self.inner.settings.folder;
        let tell = Arc::clone(told);
        let watch = || -> notify::Result<RecommendedWatcher> {
            let mut watcher = notify::recommended_watcher(move |event: notify::Result<_>| {
                // An error may hide a change.
                if event.is_err() || event.is_ok_and(|event: notify::Event| !event.kind.is_access())
                {
                    tell.notify_one();
                }
            })?;
            watcher.watch(folder, RecursiveMode::Recursive)?;
            Ok(watcher)
        };
        let folder = folder.display();
        watch()
            .inspect_err(|error| {
                tracing::warn!(%folder, %error, "the plugin folder can't be watched; it is polled");
            })
            .ok()
    }

    /// Waits until the folder is not written to any more.
    async fn settle(&self) {
        let end = Instant::now() + LONGEST;
        let mut seen: Option<BTreeMap<String, Place>> = None;
        loop {
            tokio::time::sleep(SETTLED).await;
            let now = self.inner.find().await;
            if now == seen || Instant::now() >= end {
                return;
            }
            seen = now;
        }
    }
}

/// Which folder it is: one of the same name may be another.
fn identity(folder: &Path) -> Option<(u64, u64)> {
    let about = std::fs::metadata(folder).ok().filter(std::fs::Metadata::is_dir)?;
    Some((about.dev(), about.ino()))
}
