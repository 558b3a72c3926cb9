//! What the queue alone can do: workers that claim and finish at once, on MongoDB with Redis and on
//! SQLite.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use clipmill_core::{Id, Time};
use clipmill_storage::{
    Clip, Enqueued, Finished, LeaseHeld, NewVideo, Origin, Sqlite, Storage, StoredFile, Want,
};
use clipmill_tests::cluster::Shared;
use clipmill_tests::tool;
use tokio::task::JoinSet;

use crate::measure::{Samples, quick};
use crate::report::{Goal, Report, Row};
use crate::servers::{self, Servers};

const ROUNDS: usize = 3;
const JOBS: usize = 2_000;
const WORKERS: usize = 8;
const LEASE: Duration = Duration::from_secs(60);

/// Empties a queue of each backend in turns, and adds one row.
pub async fn measure(report: &mut Report) {
    let (rounds, jobs) = if quick() { (1, JOBS / 5) } else { (ROUNDS, JOBS) };
    let servers = Servers::connect().await;
    let (mut ours, mut peer) = (Samples::default(), Samples::default());
    for round in 1..=rounds {
        let mongodb = on_mongodb(&servers, jobs).await;
        let sqlite = on_sqlite(jobs).await;
        eprintln!("  {round}/{rounds} MongoDB {mongodb:.0}/s, SQLite {sqlite:.0}/s");
        ours.push(mongodb);
        peer.push(sqlite);
    }
    let row = Row::new("claim and finish on MongoDB, to SQLite", "jobs/s", Goal::None);
    report.add(row.ours(ours.median()).peer(Ok(peer.median())).note(format!(
        "{WORKERS} workers over {jobs} jobs; {}; SQLite syncs each transaction to disk{}",
        servers::names(),
        beside_mongodb()
    )));
}

/// What sets DocumentDB, as scripts/documentdb.sh starts it, apart from MongoDB.
fn beside_mongodb() -> &'static str {
    match std::env::var_os("CLIPMILL_TEST_DOCUMENTDB_SOCKET") {
        Some(_) => {
            ", this DocumentDB none; it sorts all jobs that are due at each claim, where MongoDB \
             follows an index"
        }
        None => "",
    }
}

async fn on_mongodb(servers: &Servers, jobs: usize) -> f64 {
    let shared = Shared::with_folder("");
    let storage: Arc<dyn Storage> = Arc::new(servers::open(&shared).await);
    let rate = rate(&storage, jobs).await;
    storage.close().await;
    servers.remove(shared).await;
    rate
}

async fn on_sqlite(jobs: usize) -> f64 {
    // Not where temporary files are: those may be in memory.
    let folder = tempfile::tempdir_in(tool::target_folder()).expect("a folder for the database");
    let storage = Sqlite::open(&folder.path().join("clipmill.db")).await;
    let storage: Arc<dyn Storage> = Arc::new(storage.expect("a new database"));
    let rate = rate(&storage, jobs).await;
    storage.close().await;
    rate
}

/// Jobs per second that all workers together finish.
async fn rate(storage: &Arc<dyn Storage>, jobs: usize) -> f64 {
    let fill = |part| fill(storage.clone(), jobs / WORKERS + usize::from(part < jobs % WORKERS));
    (0..WORKERS).map(fill).collect::<JoinSet<()>>().join_all().await;
    let since = Instant::now();
    let workers = (0..WORKERS).map(|number| work(storage.clone(), format!("worker-{number}")));
    let finished = workers.collect::<JoinSet<usize>>().join_all().await;
    let took = since.elapsed();
    assert_eq!(finished.iter().sum::<usize>(), jobs, "not each job was finished once");
    jobs as f64 / took.as_secs_f64()
}

/// Puts so many jobs into the queue.
async fn fill(storage: Arc<dyn Storage>, jobs: usize) {
    for _ in 0..jobs {
        let clip = clip("https://www.youtube.com/watch?v=dQw4w9WgXcQ");
        enqueue(&*storage, clip, Utc::now()).await;
    }
}

/// Claims and finishes until there is nothing more to claim; answers how many.
async fn work(storage: Arc<dyn Storage>, owner: String) -> usize {
    let mut finished = 0;
    loop {
        let claimed = storage.claim(&owner, Utc::now(), LEASE).await;
        let Some(claimed) = claimed.expect("the queue can be asked") else { return finished };
        let (id, now) = (claimed.video.id, Utc::now());
        let file = StoredFile { file_path: format!("{id}.mp4"), file_size_bytes: 1_000_000 };
        let done = Finished { file, now, expires_at: now + TimeDelta::minutes(30) };
        let held = storage.finish(id, claimed.lease.id, done).await;
        assert_eq!(held.expect("a job can be finished"), LeaseHeld::Yes);
        finished += 1;
    }
}

/// All of a source, as MP4.
pub fn clip(url: &str) -> Clip {
    Clip {
        url: url.to_owned(),
        youtube_video_id: None,
        span: None,
        moment: None,
        additional_message: None,
        clip_offset: None,
        format_preference: "mp4".to_owned(),
        resolution_preference: "1080p".to_owned(),
        available_formats: None,
    }
}

/// Saves a clip of a user of its own and puts it into the queue, due at a moment.
pub async fn enqueue(storage: &dyn Storage, clip: Clip, due: Time) -> Id {
    let (format, resolution) = (clip.format_preference.clone(), clip.resolution_preference.clone());
    let now = Utc::now();
    let new = NewVideo {
        id: Id::generate(now),
        user_id: Id::generate(now),
        origin: Origin::Clip(clip),
        created_at: now,
        expires_at: None,
    };
    let saved = storage.insert_video(new).await.expect("a clip can be saved");
    let queued = storage.enqueue(saved.id, &Want::Clip { format, resolution }, due).await;
    let queued = queued.expect("a clip can be put into the queue");
    assert!(matches!(queued, Enqueued::Queued(_)), "{queued:?}");
    saved.id
}
