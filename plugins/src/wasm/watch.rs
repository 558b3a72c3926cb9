//! Watching the plugin folder.

use std::collections::BTreeMap;
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
/// The same where nothing can be watched at all.
const POLL: Duration = Duration::from_secs(2);

impl Plugins {
    /// Looks at the folder whenever something changes in it, until the future
    /// is dropped. The folder is made where there is none.
    pub async fn watch(&self) {
        let told = Arc::new(Notify::new());
        let watcher = self.watcher(&told);
        let pause = match &watcher {
            Some(_) => SLOW,
            None => POLL,
        };
        // What came between the first look and the watcher.
        self.scan().await;
        loop {
            let changed = tokio::time::timeout(pause, told.notified()).await.is_ok();
            if changed {
                self.settle().await;
            }
            self.scan().await;
        }
    }

    fn watcher(&self, told: &Arc<Notify>) -> Option<RecommendedWatcher> {
        let folder = &self.inner.settings.folder;
        let tell = Arc::clone(told);
        let watch = || -> Result<RecommendedWatcher, String> {
            std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
            let mut watcher = notify::recommended_watcher(move |event: notify::Result<_>| {
                // An error may hide a change.
                if event.is_err() || event.is_ok_and(|event: notify::Event| !event.kind.is_access())
                {
                    tell.notify_one();
                }
            })
            .map_err(|error| error.to_string())?;
            watcher.watch(folder, RecursiveMode::Recursive).map_err(|error| error.to_string())?;
            Ok(watcher)
        };
        let folder = folder.display();
        watch()
            .inspect_err(|error| {
                tracing::warn!(%folder, error, "the plugin folder can't be watched; it is polled");
            })
            .ok()
    }

    /// Waits until nobody writes to the folder any more.
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
