//! What more nodes are good for: the same queue of jobs that mostly wait for their source, worked
//! off by one daemon and by three.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use clipmill_core::{Id, Time};
use clipmill_storage::{Status, Storage};
use clipmill_tests::cluster::Shared;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media::Clip;
use clipmill_tests::{Behaviour, MediaServer};

use crate::measure::{Samples, quick};
use crate::process::processor_seconds;
use crate::report::{Goal, Report, Row};
use crate::servers::{self, Servers};
use crate::storage::{clip, enqueue};

const NODES: usize = 3;
/// Of each node.
const WORKERS: usize = 2;
/// A multiple of all workers, or some would have nothing to do in the end.
const JOBS: usize = 24;
const PATH: &str = "/clip.mp4";
/// Before each answer of the source. A job asks twice.
const DELAY: Duration = Duration::from_secs(2);
/// Until the first job is due. By then all of them are in the queue, and each node knows of them.
const AHEAD: TimeDelta = TimeDelta::seconds(3);
/// From one job to the next. Sources that all answered at the same moment would measure how many
/// programs this machine starts at a time.
const APART: TimeDelta = TimeDelta::milliseconds(100);
const DEADLINE: Duration = Duration::from_secs(300);

/// How a queue was worked off.
struct Run {
    /// Jobs per second, from when the first was due until the last was done.
    rate: f64,
    /// From claim to file, seconds.
    job: f64,
    /// What the source was asked for one job.
    asked: f64,
    /// Processor time of one job, seconds.
    processor: f64,
}

/// Measures one node and three, and adds one row.
pub async fn measure(report: &mut Report) {
    let jobs = if quick() { JOBS / 2 } else { JOBS };
    let servers = Servers::connect().await;
    let one = run(&servers, 1, jobs).await;
    let three = run(&servers, NODES, jobs).await;
    let name = format!("{NODES} nodes on one queue, to 1 node");
    let row = Row::new(&name, "jobs/s", Goal::RatioAtLeast(2.7));
    report.add(row.ours(Some(three.rate)).peer(Ok(Some(one.rate))).note(format!(
        "{jobs} jobs, {WORKERS} at a time on a node; each waits {:.1} s for its source, uses {:.2} s \
         of a processor, and takes {:.2} s on one node, {:.2} s on {NODES}",
        one.asked * DELAY.as_secs_f64(),
        one.processor,
        one.job,
        three.job
    )));
}

async fn run(servers: &Servers, nodes: usize, jobs: usize) -> Run {
    let source = MediaServer::new();
    source.file(PATH, Clip::new(160, 90, 1).file());
    source.behave(PATH, Behaviour::new().latency(DELAY));
    let shared = Shared::with_folder(&format!("[workers]\ncount = {WORKERS}\n"));
    // The daemon's own default; those of the tests have a shorter one.
    let lease = [("CLIPMILL_WORKERS_LEASE_SECONDS", "30")];
    let daemons: Vec<Daemon> = (0..nodes).map(|_| shared.daemon_with(&lease)).collect();
    let storage: Arc<dyn Storage> = Arc::new(servers::open(&shared).await);

    let due = now(&*storage).await + AHEAD;
    let ids = fill(&*storage, &source.url(PATH), jobs, due).await;
    assert!(now(&*storage).await < due, "the queue was filled too slowly");
    let processor = || daemons.iter().map(|daemon| processor_seconds(daemon.pid())).sum::<f64>();
    let before = processor();
    wait(&*storage).await;
    let processor = (processor() - before) / jobs as f64;
    let asked = source.stats(PATH).count() as f64 / jobs as f64;
    let (took, job) = times(&*storage, &ids, due).await;
    let rate = jobs as f64 / took;
    assert_eq!(shared.files().len(), jobs, "each job has one file");
    eprintln!("  {nodes} of {NODES} nodes: {rate:.2} jobs/s, {job:.2} s for one");

    drop(daemons);
    storage.close().await;
    servers.remove(shared).await;
    Run { rate, job, asked, processor }
}

/// The time that all daemons go by.
async fn now(storage: &dyn Storage) -> Time {
    storage.time().await.expect("MongoDB tells the time").unwrap_or_else(Utc::now)
}

/// Puts jobs into the queue, each of all of a tiny file: it is copied, and not encoded.
async fn fill(storage: &dyn Storage, url: &str, jobs: usize, due: Time) -> Vec<Id> {
    let mut ids = Vec::new();
    for number in 0..jobs {
        let number = i32::try_from(number).expect("there are not that many jobs");
        ids.push(enqueue(storage, clip(url), due + APART * number).await);
    }
    storage.wake_workers().await;
    ids
}

/// Waits until the queue is empty.
async fn wait(storage: &dyn Storage) {
    let since = Instant::now();
    while !storage.active_jobs().await.expect("the queue can be asked").is_empty() {
        assert!(since.elapsed() < DEADLINE, "the queue is not empty yet");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Seconds from `due` to the end of the last job, and those of the median job.
async fn times(storage: &dyn Storage, ids: &[Id], due: Time) -> (f64, f64) {
    let (mut last, mut each) = (due, Samples::default());
    for id in ids {
        let video = storage.video(*id).await.expect("a record can be read");
        let job = video.expect("the record is there").job;
        assert_eq!((job.status, job.attempts), (Status::Completed, 1), "{job:?}");
        let (Some(began), Some(ended)) = (job.started_at, job.completed_at) else {
            panic!("a finished job knows when: {job:?}");
        };
        last = last.max(ended);
        each.push(seconds(ended - began));
    }
    (seconds(last - due), each.median().expect("there are jobs"))
}

fn seconds(time: TimeDelta) -> f64 {
    time.num_milliseconds() as f64 / 1_000.0
}
