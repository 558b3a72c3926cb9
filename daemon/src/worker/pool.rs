//! One task claims jobs from the queue; as many jobs run at a time as are
//! configured.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clipmill_core::{Id, Time};
use clipmill_storage::Result;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::job::{ClaimedJob, run_job};
use super::{clock_sync, sweeper};
use crate::app::App;

/// The longest time between two reads of the queue, in case a wake-up is lost.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// The shortest time between two reads of the queue, so that a wrong due time
/// causes no tight loop.
const SHORTEST_SLEEP: Duration = Duration::from_millis(20);

/// How long after an outage of the database no job is claimed. Leases have run
/// out meanwhile, and their workers, which continue, get time to renew them.
const PAUSE_AFTER_OUTAGE: Duration = Duration::from_secs(4);

/// The running jobs, the sweeper, and the synchronization of the clock.
#[derive(Debug)]
pub struct Pool {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Pool {
    /// Starts to claim jobs, and to sweep.
    pub fn start(app: &Arc<App>) -> Pool {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(run_jobs(app.clone(), stop.clone()));
        tasks.spawn(sweeper::run(app.clone(), stop.clone()));
        tasks.spawn(clock_sync::run(app.clone(), stop.clone()));
        Pool { tasks, stop }
    }

    /// Stops all work and gives running jobs back to the queue. Returns when that
    /// is written, or after `deadline`.
    pub async fn stop(mut self, deadline: Duration) {
        self.stop.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(deadline, all).await.is_err() {
            tracing::warn!(
                deadline_seconds = deadline.as_secs(),
                "workers did not stop in time; other daemons take their jobs when the leases end"
            );
        }
    }
}

/// A job that this daemon works on.
struct RunningJob {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Claims a job whenever a permit is free. Ends when all jobs have ended.
async fn run_jobs(app: Arc<App>, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(app.config.workers.effective_count()));
    let mut running: HashMap<Id, RunningJob> = HashMap::new();
    loop {
        let permit = tokio::select! {
            // The semaphore is never closed.
            Ok(permit) = permits.clone().acquire_owned() => permit,
            () = stop.cancelled() => break,
        };
        running.retain(|_, job| !job.task.is_finished());
        let Some(job) = next_job(&app, &stop).await else { break };
        let id = job.claimed.video.id;
        // An attempt that lost its lease and has not noticed that yet would write
        // into the same work folder.
        if let Some(late) = running.remove(&id) {
            late.stop.cancel();
            late.task.await.ok();
        }
        let app = app.clone();
        let stop = stop.child_token();
        let stopped = stop.clone();
        let span = job.log_span();
        let work = async move {
            run_job(&app, job, &stopped).await;
            app.signals.settled.notify_waiters();
            drop(permit);
        };
        running.insert(id, RunningJob { stop, task: tokio::spawn(work.instrument(span)) });
    }
    for job in running.into_values() {
        job.task.await.ok();
    }
}

/// Waits for the next job; none when it is time to stop.
async fn next_job(app: &App, stop: &CancellationToken) -> Option<ClaimedJob> {
    while !stop.is_cancelled() {
        match read_queue(app).await {
            Ok(Queue::Claimed(job)) => return Some(*job),
            Ok(Queue::Empty { due }) => sleep(app, due, stop).await,
            Err(error) => {
                tracing::error!(
                    %error,
                    retry_in_ms = LONGEST_SLEEP.as_millis() as u64,
                    "the worker could not read the queue"
                );
                wait_for_database(app, stop).await;
            }
        }
    }
    None
}

/// What a read of the queue has found.
enum Queue {
    /// A job that is claimed now.
    Claimed(Box<ClaimedJob>),
    /// No job that is due.
    Empty {
        /// When the next one is.
        due: Option<Time>,
    },
}

/// Claims a job if one is due. A claim is only sent when the database has just
/// answered: one that is sent while it is away may reach it when it is back,
/// and would take a job from a worker that has continued it, for no worker.
async fn read_queue(app: &App) -> Result<Queue> {
    let due = app.storage.next_due().await?;
    let now = app.clock.now();
    if let Some(due) = due
        && due <= now
    {
        let lease = Duration::from_secs(app.config.workers.lease_seconds);
        if let Some(claimed) = app.storage.claim(&app.node, now, lease).await? {
            let queue_time = (now - due).to_std().unwrap_or_default();
            return Ok(Queue::Claimed(Box::new(ClaimedJob { claimed, queue_time })));
        }
    }
    Ok(Queue::Empty { due })
}

/// Sleeps until a job is enqueued or becomes due, or the longest sleep is over.
async fn sleep(app: &App, due: Option<Time>, stop: &CancellationToken) {
    let until_due = due.map(|due| (due - app.clock.now()).to_std().unwrap_or_default());
    let time = until_due.unwrap_or(LONGEST_SLEEP).clamp(SHORTEST_SLEEP, LONGEST_SLEEP);
    tokio::select! {
        () = app.storage.wait_for_work(time) => {}
        () = stop.cancelled() => {}
    }
}

/// Waits until the database answers again, and then [`PAUSE_AFTER_OUTAGE`].
async fn wait_for_database(app: &App, stop: &CancellationToken) {
    let back = async {
        loop {
            tokio::time::sleep(LONGEST_SLEEP).await;
            if app.storage.next_due().await.is_ok() {
                break;
            }
        }
        tokio::time::sleep(PAUSE_AFTER_OUTAGE).await;
    };
    tokio::select! {
        () = back => tracing::info!("the database answers again; the worker reads the queue"),
        () = stop.cancelled() => {}
    }
}
