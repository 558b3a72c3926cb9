//! One task looks into the queue; as many jobs run beside each other as are
//! configured.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clipmill_core::{Id, Time};
use clipmill_storage::{Claimed, Result};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{clock_sync, job, sweeper};
use crate::app::App;

/// The longest that nobody looks into the queue, in case that a wake-up was
/// lost.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// The shortest sleep, so that a queue that errs is not asked in a tight loop.
const SHORTEST_SLEEP: Duration = Duration::from_millis(20);

/// How long after an outage of the database nothing is claimed. Leases have run
/// out meanwhile under workers who go on: they get the time to prolong them.
const AFTER_AN_OUTAGE: Duration = Duration::from_secs(4);

/// The running jobs, the sweeper, and the clock's keeper.
#[derive(Debug)]
pub struct Pool {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Pool {
    /// Starts to take jobs, and to sweep.
    pub fn start(app: &Arc<App>) -> Pool {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(work(app.clone(), stop.clone()));
        tasks.spawn(sweeper::run(app.clone(), stop.clone()));
        tasks.spawn(clock_sync::run(app.clone(), stop.clone()));
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

/// A job that this daemon works on.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Takes a job whenever there is a place for it. Ends when all have ended.
async fn work(app: Arc<App>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(app.config.workers.effective_count()));
    let mut running: HashMap<Id, Running> = HashMap::new();
    loop {
        let place = tokio::select! {
            // The semaphore is never closed.
            Ok(place) = places.clone().acquire_owned() => place,
            () = stop.cancelled() => break,
        };
        running.retain(|_, job| !job.task.is_finished());
        let Some(claimed) = next(&app, &stop).await else { break };
        let id = claimed.video.id;
        // It lost its lease and has not heard of that yet. Both would write into
        // one work folder.
        if let Some(late) = running.remove(&id) {
            late.stop.cancel();
            late.task.await.ok();
        }
        let (app, stop) = (app.clone(), stop.child_token());
        let stopped = stop.clone();
        let span = tracing::info_span!("job", job.id = %id);
        let work = async move {
            job::work(&app, claimed, &stopped).await;
            app.signals.settled.notify_waiters();
            drop(place);
        };
        running.insert(id, Running { stop, task: tokio::spawn(work.instrument(span)) });
    }
    for job in running.into_values() {
        job.task.await.ok();
    }
}

/// Waits for the next job; none when it is time to stop.
async fn next(app: &App, stop: &CancellationToken) -> Option<Claimed> {
    while !stop.is_cancelled() {
        match look(app).await {
            Ok(Look::Claimed(claimed)) => return Some(*claimed),
            Ok(Look::Nothing { due }) => sleep(app, due, stop).await,
            Err(error) => {
                tracing::error!(%error, "can't look into the queue");
                sit_out(app, stop).await;
            }
        }
    }
    None
}

/// What a look into the queue has found.
enum Look {
    Claimed(Box<Claimed>),
    /// Nothing before this time.
    Nothing {
        due: Option<Time>,
    },
}

/// Takes a job if one is due. A claim is only sent when the database has just
/// answered: one that is sent while it is away may reach it when it is back,
/// and then takes a job for nobody from a worker that has gone on with it.
async fn look(app: &App) -> Result<Look> {
    let due = app.storage.next_due().await?;
    let now = app.clock.now();
    if due.is_some_and(|due| due <= now) {
        let lease = Duration::from_secs(app.config.workers.lease_seconds);
        if let Some(claimed) = app.storage.claim(&app.node, now, lease).await? {
            return Ok(Look::Claimed(Box::new(claimed)));
        }
    }
    Ok(Look::Nothing { due })
}

/// Sleeps until somebody enqueues, a job becomes due, or the longest sleep is over.
async fn sleep(app: &App, due: Option<Time>, stop: &CancellationToken) {
    let until_due = due.map(|due| (due - app.clock.now()).to_std().unwrap_or_default());
    let time = until_due.unwrap_or(LONGEST_SLEEP).clamp(SHORTEST_SLEEP, LONGEST_SLEEP);
    tokio::select! {
        () = app.storage.wait_for_work(time) => {}
        () = stop.cancelled() => {}
    }
}

/// Waits until the database answers again, and then a little.
async fn sit_out(app: &App, stop: &CancellationToken) {
    let back = async {
        loop {
            tokio::time::sleep(LONGEST_SLEEP).await;
            if app.storage.next_due().await.is_ok() {
                break;
            }
        }
        tokio::time::sleep(AFTER_AN_OUTAGE).await;
    };
    tokio::select! {
        () = back => tracing::info!("the queue can be looked into again"),
        () = stop.cancelled() => {}
    }
}
