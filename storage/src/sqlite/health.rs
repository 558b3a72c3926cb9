//! Whether file, connections and disk work.

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::{Inner, Sqlite};
use crate::{Health, StorageError};

/// A load balancer that asks doesn't wait longer.
const PATIENCE: Duration = Duration::from_secs(2);

#[async_trait]
impl Health for Sqlite {
    async fn problems(&self) -> Vec<String> {
        let path = self.inner.path.clone();
        let probe = async {
            let probe = tokio::task::spawn_blocking(move || disk(&path));
            probe.await.unwrap_or_else(|panic| Err(io::Error::other(panic)))
        };
        let (reading, writing, disk) = tokio::join!(
            problem("database, reading", can_read(&self.inner)),
            problem("database, writing", can_write(&self.inner)),
            problem("disk of the database", probe),
        );
        [reading, writing, disk].into_iter().flatten().collect()
    }

    async fn close(&self) {
        // The last connection that closes folds the journal into the database,
        // so the writer goes last.
        self.inner.readers.close().await;
        self.inner.writer.close().await;
    }

    fn backend(&self) -> &'static str {
        "sqlite"
    }
}

/// What a check finds wrong with a part, if anything.
async fn problem<E: Display>(
    part: &str,
    check: impl Future<Output = Result<(), E>>,
) -> Option<String> {
    match tokio::time::timeout(PATIENCE, check).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("{part}: {error}")),
        Err(_) => Some(format!("{part}: no answer within {} s", PATIENCE.as_secs())),
    }
}

async fn can_read(inner: &Inner) -> Result<(), StorageError> {
    sqlx::query("SELECT 1").fetch_one(&inner.readers).await?;
    Ok(())
}

/// Takes the write lock and gives it back.
async fn can_write(inner: &Inner) -> Result<(), StorageError> {
    inner.begin().await?.rollback().await?;
    Ok(())
}

/// Writes a page into a new file beside the database, and looks whether the
/// database still has its name: one that was removed works on, and is lost.
fn disk(path: &Path) -> io::Result<()> {
    fs::metadata(path)?;
    let probe = Probe(probe_path(path));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).open(&probe.0)?;
    file.write_all(&[0; 4096])
}

fn probe_path(path: &Path) -> PathBuf {
    static PROBES: AtomicU32 = AtomicU32::new(0);
    let number = PROBES.fetch_add(1, Ordering::Relaxed);
    let mut name = path.as_os_str().to_owned();
    name.push(format!("-probe-{}-{number}", std::process::id()));
    name.into()
}

/// Removes the file when the check ends, however it does.
struct Probe(PathBuf);

impl Drop for Probe {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}
