//! Many jobs, and nodes that come and go all the time.

use std::collections::HashSet;
use std::fs::File;
use std::time::{Duration, Instant, SystemTime};

use clipmill_storage::{Jobs, Mongo, Status, Transfer, Video};
use clipmill_tests::MediaServer;
use clipmill_tests::api::{Account, http};
use clipmill_tests::cluster::Shared;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media::Clip;

use super::PATIENCE;
use crate::support::numbers;

const JOBS: usize = 200;

/// How long the whole storm may take.
const LONGEST: Duration = Duration::from_secs(600);

/// Random numbers that a seed repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pause(&mut self, longest_ms: u64) -> Duration {
        Duration::from_millis(self.roll(longest_ms))
    }
}

/// A seed, to be given again as `CLIPMILL_TEST_SEED`.
fn seed() -> u64 {
    let given = std::env::var("CLIPMILL_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    given.unwrap_or_else(|| now() as u64).max(1)
}

/// Asks for a clip at this node; answers whether it was told that the work goes on.
async fn is_asked(account: &Account, id: &str) -> bool {
    let path = format!("/api/video/download/{id}");
    let request = account.request(reqwest::Method::POST, &path).header("prefer", "respond-async");
    match request.timeout(Duration::from_secs(10)).send().await {
        Ok(answer) => matches!(answer.status().as_u16(), 200 | 202),
        Err(_) => false,
    }
}

/// All records.
async fn all(records: &Mongo) -> Vec<Video> {
    records.videos_after(None, 10_000).await.unwrap()
}

async fn is_over(records: &Mongo) -> bool {
    all(records).await.iter().all(|video| video.job.status == Status::Completed)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_jobs_are_done_once_each_while_nodes_come_and_go() {
    let clip = Clip { gop: 30, audio: None, frames: 60, ..Clip::new(160, 90, 2) };
    let server = MediaServer::new();
    server.file("/tiny.mp4", clip.file());
    let shared = Shared::with_folder(
        "[workers]\ncount = 1\nmax_attempts = 50\nffmpeg_threads = 1\n[server]\nstop_seconds = 3\n",
    );
    let mut nodes: [Daemon; 3] = shared.daemons();
    let records = shared.records().await;
    let account = Account::register(&nodes[0]).await;
    let mut ids = Vec::new();
    for number in 0..JOBS {
        let account = account.at(&nodes[number % 3]);
        ids.push(account.save(&server.url("/tiny.mp4"), 0.0, 1.0).await);
    }

    let seed = seed();
    println!("CLIPMILL_TEST_SEED={seed}");
    let mut dice = Dice(seed);
    let (since, mut asked, mut kills, mut stops) = (Instant::now(), 0, 0, 0);
    while asked < JOBS || !is_over(&records).await {
        assert!(since.elapsed() < LONGEST, "the work never ends");
        tokio::time::sleep(dice.pause(3000)).await;
        // Clients ask whom they like, and ask again elsewhere when nobody answers.
        let most = JOBS.min(asked + 20);
        while asked < most {
            let node = &nodes[dice.roll(3) as usize];
            asked += usize::from(is_asked(&account.at(node), &ids[asked]).await);
        }
        let first = dice.roll(3) as usize;
        let mut down = vec![first];
        if dice.roll(4) == 0 {
            down.push((first + 1) % 3);
        }
        for &node in &down {
            if dice.roll(3) == 0 {
                assert!(nodes[node].stop().success());
                stops += 1;
            } else {
                nodes[node].kill();
                kills += 1;
            }
        }
        tokio::time::sleep(dice.pause(600)).await;
        for &node in &down {
            nodes[node].start_again();
        }
    }
    let took = since.elapsed().as_secs();
    println!("{JOBS} jobs in {took} s, {kills} kills, {stops} stops");
    assert!(kills > 3, "this was no storm");

    let videos = all(&records).await;
    assert_eq!(videos.len(), JOBS, "no record is lost, none is doubled");
    assert_eq!(records.active_jobs().await.unwrap(), []);
    let attempts: u32 = videos.iter().map(|video| video.job.attempts).sum();
    println!("{attempts} attempts");
    assert!(videos.iter().all(|video| video.job.lease.is_none() && video.job.failure.is_none()));
    let mut named: Vec<String> =
        videos.iter().map(|video| video.file.clone().unwrap().file_path).collect();
    named.sort();
    assert_done_once(&nodes);
    swept(&shared, &mut nodes, &named, kills).await;
    assert_contents(&shared, &named, &clip);
    for node in &nodes {
        assert_eq!(node.names_in("work"), Vec::<String>::new());
    }
    // And they are there for clients.
    let link = nodes[1].url(&format!("/api/video/download/{}", ids[JOBS - 1]));
    let answer = http().get(link).bearer_auth(&account.token).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

/// Asserts that no two nodes say that they have completed the same job.
fn assert_done_once(nodes: &[Daemon]) {
    let logs: String = nodes.iter().map(Daemon::log).collect();
    let done: Vec<&str> = logs
        .lines()
        .filter(|line| line.contains("job completed"))
        .map(|line| line.split("job.id=").nth(1).unwrap().split('}').next().unwrap())
        .collect();
    let jobs: HashSet<_> = done.iter().collect();
    assert_eq!(done.len(), jobs.len(), "a job was completed twice");
}

/// Waits until the store holds what the records name and nothing else. A node that is killed
/// between storing a file and writing its record leaves the file, for the sweep after a day.
async fn swept(shared: &Shared, nodes: &mut [Daemon], named: &[String], kills: usize) {
    let stored = shared.files();
    let left: Vec<_> = stored.iter().filter(|name| !named.contains(name)).collect();
    println!("{} files were left by killed nodes", left.len());
    assert!(left.len() <= kills);
    for name in left {
        let file = File::options().write(true).open(shared.files_folder().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(25 * 3600)).unwrap();
    }
    for node in nodes {
        assert!(node.stop().success());
        node.start_again();
    }
    let since = Instant::now();
    while shared.files() != named {
        assert!(since.elapsed() < PATIENCE, "{:?} instead of {named:?}", shared.files());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Decodes what was made; the same bytes only once.
fn assert_contents(shared: &Shared, named: &[String], clip: &Clip) {
    let mut contents = HashSet::new();
    for name in named {
        let path = shared.files_folder().join(name);
        if contents.insert(std::fs::read(&path).unwrap()) {
            assert_eq!(numbers(&path), clip.frames_between(0.0, 1.0), "{name}");
        }
    }
    println!("{} different contents", contents.len());
}
