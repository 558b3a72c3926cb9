//! Nodes that die, or are taken for dead, with a job in their hands.

use std::fs::File;
use std::time::{Duration, Instant, SystemTime};

use clipmill_storage::{Mongo, Stage};
use clipmill_tests::Behaviour;
use clipmill_tests::api::{Account, JsonBody as _};
use clipmill_tests::cluster::Shared;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media::Clip;
use clipmill_tests::media_server::ALWAYS;
use clipmill_tests::s3::Asked;
use reqwest::Method;
use serde_json::json;

use super::{PATIENCE, assert_only_file, completed, says, worker};
use crate::support::{ask, assert_codecs, assert_exact, numbers, served};

/// One job at a time on each node, so that it is clear what the nodes do.
const ONE: &str = "[workers]\ncount = 1\n";

/// Asks for a clip and waits until a node is in the middle of storing it; answers which one.
async fn storing(
    shared: &Shared,
    records: &Mongo,
    account: &Account,
    id: &str,
    nodes: &[Daemon],
) -> usize {
    let before = shared.s3().count(Asked::Put);
    ask(account, id).await;
    let working = worker(records, id, Stage::Retain, nodes).await;
    let since = Instant::now();
    while shared.s3().count(Asked::Put) == before {
        assert!(since.elapsed() < PATIENCE, "nothing is stored");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    working
}

/// The account at some node that lives.
fn elsewhere(account: &Account, nodes: &[Daemon], dead: usize) -> Account {
    account.at(&nodes[(dead + 1) % nodes.len()])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_node_is_killed_while_fetching_is_finished_by_another() {
    let (server, clip) = served();
    server.behave("/main.mp4", Behaviour::new().stall_after(20_000, ALWAYS));
    let shared = Shared::with_folder(ONE);
    let mut nodes: [Daemon; 3] = shared.daemons();
    let records = shared.records().await;
    let account = Account::register(&nodes[0]).await;
    let id = account.save(&server.url("/main.mp4"), 50.1, 50.9).await;
    ask(&account, &id).await;
    let dead = worker(&records, &id, Stage::Fetch, &nodes).await;
    nodes[dead].kill();
    server.behave_well();

    let account = elsewhere(&account, &nodes, dead);
    completed(&records, &id).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    account.download_to(&id, &json!({}), file.path()).await;
    assert_exact(file.path(), &clip, 50.1, 50.9);
    assert_only_file(&shared, &records, &id, 2).await;
    // What the dead node had begun goes when it starts again.
    nodes[dead].start_again();
    assert_eq!(nodes[dead].names_in("work"), Vec::<String>::new());
    assert_only_file(&shared, &records, &id, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_node_is_killed_while_encoding_is_finished_by_another() {
    let shared = Shared::with_bucket(ONE);
    let mut nodes: [Daemon; 3] = shared.daemons();
    let records = shared.records().await;
    let account = Account::register(&nodes[0]).await;
    let clip = Clip::new(320, 180, 10);
    let uploaded = account.upload(&clip.file(), "long.mp4").await;
    let id = uploaded.body["encode_id"].as_str().unwrap().to_owned();
    let body = json!({ "video_codec": "h265", "quality_preset": "medium" });
    let request = account.request(Method::POST, &format!("/api/encode/start/{id}"));
    let request = request.header("prefer", "respond-async").json_body(&body);
    assert_eq!(request.send().await.unwrap().status(), 202);
    let dead = worker(&records, &id, Stage::Transcode, &nodes).await;
    nodes[dead].kill();

    let account = elsewhere(&account, &nodes, dead);
    completed(&records, &id).await;
    let answer = account.request(Method::POST, &format!("/api/encode/download/{id}"));
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), answer.bytes().await.unwrap()).unwrap();
    assert_codecs(file.path(), &["hevc", "aac"]);
    assert_eq!(numbers(file.path()), (0..clip.frames).collect::<Vec<_>>());
    assert_only_file(&shared, &records, &id, 2).await;
    assert_eq!(shared.uploads().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_node_is_killed_while_storing_is_finished_by_another() {
    let (server, clip) = served();
    let shared = Shared::with_bucket(ONE);
    let mut nodes: [Daemon; 3] = shared.daemons();
    let records = shared.records().await;
    let account = Account::register(&nodes[0]).await;
    let id = account.save(&server.url("/main.mp4"), 61.1, 61.9).await;
    shared.s3().stall(Asked::Put, 1);
    let dead = storing(&shared, &records, &account, &id, &nodes).await;
    nodes[dead].kill();

    let account = elsewhere(&account, &nodes, dead);
    completed(&records, &id).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    account.download_to(&id, &json!({}), file.path()).await;
    assert_exact(file.path(), &clip, 61.1, 61.9);
    assert_only_file(&shared, &records, &id, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_has_stored_when_it_is_killed_is_swept() {
    let (server, clip) = served();
    let shared = Shared::with_bucket("[workers]\ncount = 1\n[retention]\nsweep_minutes = 0.02\n");
    let mut nodes: [Daemon; 3] = shared.daemons();
    let records = shared.records().await;
    let account = Account::register(&nodes[0]).await;
    let id = account.save(&server.url("/main.mp4"), 61.5, 62.0).await;
    // It is stored, but the node never hears of it.
    shared.s3().lose(Asked::Put, 1000);
    let dead = storing(&shared, &records, &account, &id, &nodes).await;
    let since = Instant::now();
    while shared.files().is_empty() {
        assert!(since.elapsed() < PATIENCE, "nothing is stored");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    nodes[dead].kill();
    shared.s3().behave_well();
    let account = elsewhere(&account, &nodes, dead);
    let named = completed(&records, &id).await.file.unwrap().file_path;
    let mut left = shared.files();
    assert!(left.contains(&named), "{left:?}");
    left.retain(|name| *name != named);
    assert_eq!(left.len(), 1, "one file of the dead node is left");

    // A day later some node finds it. For all that a node knows, somebody may still want a file
    // that is younger.
    let orphan = File::options().write(true).open(shared.files_folder().join(&left[0])).unwrap();
    orphan.set_modified(SystemTime::now() - Duration::from_secs(25 * 3600)).unwrap();
    for node in &mut nodes {
        node.kill();
        node.start_again();
    }
    let since = Instant::now();
    while shared.files().len() > 1 {
        assert!(since.elapsed() < PATIENCE, "{:?} is still there", shared.files());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_only_file(&shared, &records, &id, 2).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    account.at(&nodes[0]).download_to(&id, &json!({}), file.path()).await;
    assert_exact(file.path(), &clip, 61.5, 62.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_frozen_writes_nothing_when_it_goes_on() {
    let (server, clip) = served();
    let shared = Shared::with_bucket(ONE);
    let mut nodes: [Daemon; 3] = shared.daemons();
    let records = shared.records().await;
    let account = Account::register(&nodes[0]).await;
    let id = account.save(&server.url("/main.mp4"), 61.1, 61.9).await;
    shared.s3().stall(Asked::Put, 1);
    let frozen = storing(&shared, &records, &account, &id, &nodes).await;
    nodes[frozen].freeze();
    let finished = completed(&records, &id).await;
    assert_only_file(&shared, &records, &id, 2).await;

    nodes[frozen].thaw();
    says(&nodes[frozen], "the worker lost its lease").await;
    assert_eq!(completed(&records, &id).await, finished);
    assert_only_file(&shared, &records, &id, 2).await;
    assert_eq!(nodes[frozen].names_in("work"), Vec::<String>::new());
    // And it is as good as any other.
    for (number, node) in nodes.iter_mut().enumerate() {
        if number != frozen {
            node.kill();
        }
    }
    let account = account.at(&nodes[frozen]);
    let file = tempfile::NamedTempFile::new().unwrap();
    account.download_to(&id, &json!({}), file.path()).await;
    assert_exact(file.path(), &clip, 61.1, 61.9);
    let id = account.save(&server.url("/main.mp4"), 10.1, 10.6).await;
    account.download_to(&id, &json!({}), file.path()).await;
    assert_exact(file.path(), &clip, 10.1, 10.6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_too_late_discards_its_file() {
    let (server, clip) = served();
    server.behave("/main.mp4", Behaviour::new().stall_after(20_000, ALWAYS));
    let shared = Shared::with_folder(ONE);
    let ways = shared.ways().await;
    let late = shared.daemon_by(&ways);
    let records = shared.records().await;
    let account = Account::register(&late).await;
    let id = account.save(&server.url("/main.mp4"), 61.1, 61.9).await;
    ask(&account, &id).await;
    let nodes = [late];
    worker(&records, &id, Stage::Fetch, &nodes).await;
    // It can't know that another takes its job, and goes on.
    ways.mongodb.cut().await;
    server.behave_well();
    let other = shared.daemon();
    let finished = completed(&records, &id).await;
    assert!(finished.job.attempts == 2 && shared.files().len() == 1);
    says(&nodes[0], "the worker could not write the finished file").await;
    assert_eq!(shared.files().len(), 2, "the late one has stored its file too");

    ways.mongodb.heal().await;
    says(&nodes[0], "the worker lost its lease before it could write the record").await;
    let since = Instant::now();
    while shared.files().len() > 1 {
        assert!(since.elapsed() < PATIENCE, "{:?} are still there", shared.files());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(completed(&records, &id).await, finished);
    assert_only_file(&shared, &records, &id, 2).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    for node in [&nodes[0], &other] {
        account.at(node).download_to(&id, &json!({}), file.path()).await;
        assert_exact(file.path(), &clip, 61.1, 61.9);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_node_that_stops_goes_on_elsewhere_uncounted() {
    let (server, clip) = served();
    server.behave("/main.mp4", Behaviour::new().stall_after(20_000, ALWAYS));
    // Nobody waits for the end of a lease.
    let shared = Shared::with_folder("[workers]\ncount = 1\nmax_attempts = 1\n");
    let mut nodes: [Daemon; 3] =
        std::array::from_fn(|_| shared.daemon_with(&[("CLIPMILL_WORKERS_LEASE_SECONDS", "600")]));
    let records = shared.records().await;
    let account = Account::register(&nodes[0]).await;
    let id = account.save(&server.url("/main.mp4"), 61.1, 61.9).await;
    ask(&account, &id).await;
    let gone = worker(&records, &id, Stage::Fetch, &nodes).await;
    server.behave_well();
    assert!(nodes[gone].stop().success());
    let account = elsewhere(&account, &nodes, gone);
    completed(&records, &id).await;
    assert_only_file(&shared, &records, &id, 1).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    account.download_to(&id, &json!({}), file.path()).await;
    assert_exact(file.path(), &clip, 61.1, 61.9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_record_is_deleted_elsewhere_ends_and_leaves_nothing() {
    let (server, _) = served();
    server.behave("/main.mp4", Behaviour::new().stall_after(20_000, ALWAYS));
    let shared = Shared::with_folder(ONE);
    let nodes: [Daemon; 2] = shared.daemons();
    let records = shared.records().await;
    let account = Account::register(&nodes[0]).await;
    let id = account.save(&server.url("/main.mp4"), 61.1, 61.9).await;
    ask(&account, &id).await;
    let working = worker(&records, &id, Stage::Fetch, &nodes).await;
    let account = elsewhere(&account, &nodes, working);
    let delete = account.request(Method::DELETE, &format!("/api/video/{id}"));
    assert!(delete.send().await.unwrap().status().is_success());
    says(&nodes[working], "the worker lost its lease").await;
    let since = Instant::now();
    while !nodes[working].names_in("work").is_empty() {
        assert!(since.elapsed() < PATIENCE, "{:?}", nodes[working].names_in("work"));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(shared.files(), Vec::<String>::new());
    for node in &nodes {
        let status = account.at(node).get(&format!("/api/video/status/{id}")).await;
        assert_eq!(status.status, 404);
    }
}
