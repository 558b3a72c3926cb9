//! Several daemons on one database, one Redis and one store.

#[cfg(target_os = "linux")]
mod clocks;
mod inherited;
mod limits;
mod migrate;
mod mongodb;
mod redis;
mod shared;
mod starts;
mod storm;
mod sweeper;
mod takeover;

use std::time::{Duration, Instant};

use clipmill_storage::testing::Proxy;
use clipmill_storage::{Mongo, Stage, Status, Video, Videos};
use clipmill_tests::api::Account;
use clipmill_tests::cluster::Shared;
use clipmill_tests::daemon::Daemon;

/// How long the nodes may take for what they do by themselves.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a server goes away.
#[derive(Clone, Copy)]
enum Outage {
    /// Connections are reset, and new ones refused.
    Cut,
    /// Connections are taken, and nothing is answered.
    Stall,
}

impl Outage {
    async fn begin(self, way: &Proxy) {
        match self {
            Outage::Cut => way.cut().await,
            Outage::Stall => way.stall(),
        }
    }
}

/// Waits until a node says what is wrong, or that nothing is.
async fn readiness(node: &Account, problem: Option<&str>) {
    let since = Instant::now();
    loop {
        let ready = node.get("/readyz").await;
        let problems = ready.body["problems"].to_string();
        let is_so = match problem {
            None => ready.status == 200 && problems == "[]",
            Some(name) => ready.status == 503 && problems.contains(name),
        };
        if is_so {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(20), "{ready:?} instead of {problem:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The record with this id.
async fn record(records: &Mongo, id: &str) -> Video {
    let found = records.video(id.parse().unwrap()).await.unwrap();
    found.expect("no record is ever lost")
}

/// Waits until the record is as wanted.
async fn until(records: &Mongo, id: &str, wanted: impl Fn(&Video) -> bool) -> Video {
    let since = Instant::now();
    loop {
        let now = record(records, id).await;
        if wanted(&now) {
            return now;
        }
        assert!(since.elapsed() < PATIENCE, "still {now:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until a job is at this stage; answers which node works on it.
async fn worker(records: &Mongo, id: &str, stage: Stage, nodes: &[Daemon]) -> usize {
    let at = |video: &Video| video.job.stage == Some(stage) && video.job.lease.is_some();
    let owner = until(records, id, at).await.job.lease.unwrap().owner;
    nodes.iter().position(|node| node.owns(&owner)).expect("one of the nodes has the lease")
}

/// Waits until a job is completed; it must not fail.
async fn completed(records: &Mongo, id: &str) -> Video {
    let ended = |video: &Video| matches!(video.job.status, Status::Completed | Status::Failed);
    let video = until(records, id, ended).await;
    assert_eq!(video.job.status, Status::Completed, "{video:?}");
    video
}

/// Waits until a node has said this in its log.
async fn says(node: &Daemon, words: &str) {
    let since = Instant::now();
    while !node.log().contains(words) {
        assert!(since.elapsed() < PATIENCE, "nobody says {words:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Asserts that a record is completed after so many attempts and that its file is the only one in
/// the store.
async fn assert_only_file(shared: &Shared, records: &Mongo, id: &str, attempts: u32) {
    let video = record(records, id).await;
    assert_eq!(video.job.status, Status::Completed, "{video:?}");
    assert_eq!((video.job.attempts, video.job.lease), (attempts, None));
    let file = video.file.expect("a completed record has a file");
    assert_eq!(shared.files(), std::slice::from_ref(&file.file_path));
    let on_disk = std::fs::metadata(shared.files_folder().join(file.file_path)).unwrap();
    assert_eq!(on_disk.len(), file.file_size_bytes);
}
