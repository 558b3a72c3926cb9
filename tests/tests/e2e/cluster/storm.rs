//! Many jobs, while nodes or their networks come and go all the time.

use std::collections::HashSet;
use std::fs::File;
use std::time::{Duration, Instant, SystemTime};

use clipmill_storage::testing::Proxy;
use clipmill_storage::{Mongo, Queue, Status, Transfer, Video};
use clipmill_tests::MediaServer;
use clipmill_tests::api::{Account, http};
use clipmill_tests::cluster::Shared;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media::Clip;

use super::PATIENCE;
use crate::support::numbers;

/// How long a whole storm may take.
const LONGEST: Duration = Duration::from_secs(600);

/// Random numbers that a seed repeats.
struct Dice(u64);

impl Dice {
    /// With a seed that is told, and can be given again as `CLIPMILL_TEST_SEED`.
    fn new() -> Dice {
        let given = std::env::var("CLIPMILL_TEST_SEED").ok().and_then(|text| text.parse().ok());
        let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        let seed = given.unwrap_or_else(|| now() as u64).max(1);
        println!("CLIPMILL_TEST_SEED={seed}");
        Dice(seed)
    }

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

/// Asks for a clip at this node; answers whether it was told that the work goes on.
async fn is_asked(account: &Account, id: &str) -> bool {
    let path = format!("/api/video/download/{id}");
    let request = account.request(reqwest::Method::POST, &path).header("prefer", "respond-async");
    match request.timeout(Duration::from_secs(1)).send().await {
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

/// A clip that costs little.
fn tiny() -> Clip {
    Clip { gop: 30, audio: None, frames: 60, ..Clip::new(160, 90, 2) }
}

/// Saves clips of the first second; answers their ids.
async fn saved(
    account: &Account,
    nodes: &[Daemon],
    server: &MediaServer,
    jobs: usize,
) -> Vec<String> {
    server.file("/tiny.mp4", tiny().file());
    let mut ids = Vec::new();
    for number in 0..jobs {
        let account = account.at(&nodes[number % nodes.len()]);
        ids.push(account.save(&server.url("/tiny.mp4"), 0.0, 1.0).await);
    }
    ids
}

/// Clients ask whom they like, and ask again elsewhere when nobody answers.
async fn asked(account: &Account, nodes: &[Daemon], ids: &[String], dice: &mut Dice) {
    for id in ids {
        loop {
            let node = &nodes[dice.roll(3) as usize];
            if is_asked(&account.at(node), id).await {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_jobs_are_done_once_each_while_nodes_come_and_go() {
    let server = MediaServer::new();
    let shared = Shared::with_folder(
        "[workers]\ncount = 1\nmax_attempts = 50\nffmpeg_threads = 1\n[server]\nstop_seconds = 3\n",
    );
    let mut nodes: [Daemon; 3] = shared.daemons();
    let records = shared.records().await;
    let account = Account::register(&nodes[0]).await;
    let ids = saved(&account, &nodes, &server, 200).await;

    let mut dice = Dice::new();
    let mut ask = ids.chunks(20);
    let (since, mut kills, mut stops) = (Instant::now(), 0, 0);
    while ask.len() > 0 || !is_over(&records).await {
        assert!(since.elapsed() < LONGEST, "the work never ends");
        tokio::time::sleep(dice.pause(3000)).await;
        asked(&account, &nodes, ask.next().unwrap_or_default(), &mut dice).await;
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
    println!("{} s, {kills} kills, {stops} stops", since.elapsed().as_secs());
    assert!(kills > 3, "this was no storm");
    let named = assert_done_once(&records, &nodes, ids.len()).await;
    swept(&shared, &mut nodes, &named, kills).await;
    assert_contents(&shared, &named);
    for node in &nodes {
        assert_eq!(node.names_in("work"), Vec::<String>::new());
    }
    // And they are there for clients.
    let link = nodes[1].url(&format!("/api/video/download/{}", ids[199]));
    let answer = http().get(link).bearer_auth(&account.token).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_done_once_each_while_networks_come_and_go() {
    let server = MediaServer::new();
    let shared =
        Shared::with_folder("[workers]\ncount = 1\nmax_attempts = 50\nffmpeg_threads = 1\n");
    let ways = [shared.ways().await, shared.ways().await, shared.ways().await];
    let nodes: [Daemon; 3] = std::array::from_fn(|number| shared.daemon_by(&ways[number]));
    let records = shared.records().await;
    let account = Account::register(&nodes[0]).await;
    let ids = saved(&account, &nodes, &server, 24).await;

    let mut dice = Dice::new();
    let mut ask = ids.chunks(4);
    let networks: Vec<&Proxy> = ways.iter().flat_map(|way| [&way.mongodb, &way.redis]).collect();
    let mut broken = HashSet::new();
    let (since, mut outages) = (Instant::now(), 0);
    while ask.len() > 0 || !is_over(&records).await {
        assert!(since.elapsed() < LONGEST, "the work never ends");
        tokio::time::sleep(dice.pause(1500)).await;
        let number = dice.roll(6) as usize;
        let network = networks[number];
        if broken.remove(&number) {
            network.heal().await;
        } else if broken.iter().filter(|broken| *broken % 2 == 0).count() < 2 {
            // Somebody has MongoDB, or nothing would be asked and done for a while.
            broken.insert(number);
            outages += 1;
            match dice.roll(3) {
                0 => network.cut().await,
                1 => network.stall(),
                _ => network.lose_answers(),
            }
            // However quick the machine is, each batch of jobs meets an outage of its own.
            asked(&account, &nodes, ask.next().unwrap_or_default(), &mut dice).await;
        }
    }
    for network in networks {
        network.heal().await;
    }
    println!("{} s, {outages} outages", since.elapsed().as_secs());
    let named = assert_done_once(&records, &nodes, ids.len()).await;
    // Who was too late finds out when its network is back.
    holds(&shared, &named).await;
    assert_contents(&shared, &named);
}

/// Asserts that each job is completed, and that no two nodes say so of the same; answers the names
/// of the files, sorted.
async fn assert_done_once(records: &Mongo, nodes: &[Daemon], jobs: usize) -> Vec<String> {
    let videos = all(records).await;
    assert_eq!(videos.len(), jobs, "no record is lost, none is doubled");
    assert_eq!(records.active_jobs().await.unwrap(), []);
    assert!(videos.iter().all(|video| video.job.lease.is_none() && video.job.failure.is_none()));
    let attempts: u32 = videos.iter().map(|video| video.job.attempts).sum();
    println!("{attempts} attempts at {jobs} jobs");

    let logs: String = nodes.iter().map(Daemon::log).collect();
    let done: Vec<&str> = logs
        .lines()
        .filter(|line| line.contains("job completed"))
        .map(|line| line.split("job.id=").nth(1).unwrap().split([' ', '}']).next().unwrap())
        .collect();
    let once: HashSet<_> = done.iter().collect();
    assert_eq!(done.len(), once.len(), "a job was completed twice");
    let mut named: Vec<String> =
        videos.into_iter().map(|video| video.file.unwrap().file_path).collect();
    named.sort();
    named
}

/// A node that is killed between storing a file and writing its record leaves the file, for the
/// sweep after a day. Asserts that then nothing but the named files is there.
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
    holds(shared, named).await;
}

/// Waits until the store holds what the records name and nothing else.
async fn holds(shared: &Shared, named: &[String]) {
    let since = Instant::now();
    while shared.files() != named {
        assert!(since.elapsed() < PATIENCE, "{:?} instead of {named:?}", shared.files());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Decodes what was made; the same bytes only once.
fn assert_contents(shared: &Shared, named: &[String]) {
    let mut contents = HashSet::new();
    for name in named {
        let path = shared.files_folder().join(name);
        if contents.insert(std::fs::read(&path).unwrap()) {
            assert_eq!(numbers(&path), tiny().frames_between(0.0, 1.0), "{name}");
        }
    }
}
