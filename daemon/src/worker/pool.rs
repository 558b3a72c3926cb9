//! A bounded number of workers, each with one job at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{job, sweeper};
use crate::app::App;

/// The longest that a worker sleeps before it looks into the queue again, in
/// case that a wake-up was lost.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// The shortest sleep, so that a queue that errs is not asked in a tight loop.
const SHORTEST_SLEEP: Duration = Duration::from_millis(20);

/// The running workers and the sweeper.
#[derive(Debug)]
pub struct Pool {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Pool {
    /// Starts as many workers as configured, and the sweeper.
    pub fn start(app: &Arc<App>) -> Pool {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for number in 0..app.config.workers.effective_count() {
            let owner = format!("{}-{number}", std::process::id());
            let span = tracing::info_span!("worker", worker.name = owner);
            tasks.spawn(run(app.clone(), owner, stop.clone()).instrument(span));
        }
        tasks.spawn(sweeper::run(app.clone(), stop.clone()));
        Pool { tasks, stop }
    }

    /// Stops all work; jobs that run are given back to the queue. Returns when
    /// that is written, or after `deadline`.
    pub async fn stop(mut self, deadline: Duration) {
        self.stop.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(deadline, all).await.is_err() {
            tracing::warn!("workers did not stop in time; their leases run out by themselves");
        }
    }
}

async fn run(app: Arc<App>, owner: String, stop: CancellationToken) {
    let lease = Duration::from_secs(app.config.workers.lease_seconds);
    while !stop.is_cancelled() {
        match app.storage.claim(&owner, app.clock.now(), lease).await {
            Ok(Some(claimed)) => {
                let span = tracing::info_span!("job", job.id = %claimed.video.id);
                job::work(&app, claimed, &stop).instrument(span).await;
                app.settled.notify_waiters();
            }
            Ok(None) => sleep(&app, &stop).await,
            Err(error) => {
                tracing::error!(%error, "can't look into the queue");
                tokio::select! {
                    () = tokio::time::sleep(LONGEST_SLEEP) => {}
                    () = stop.cancelled() => {}
                }
            }
        }
    }
}

/// Sleeps until somebody enqueues, a job becomes due, or the longest sleep is over.
async fn sleep(app: &App, stop: &CancellationToken) {
    let due = app.storage.next_due().await.ok().flatten();
    let until_due = due.map(|due| (due - app.clock.now()).to_std().unwrap_or_default());
    let time = until_due.unwrap_or(LONGEST_SLEEP).clamp(SHORTEST_SLEEP, LONGEST_SLEEP);
    tokio::select! {
        () = app.storage.wait_for_work(time) => {}
        () = stop.cancelled() => {}
    }
}
