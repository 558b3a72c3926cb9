//! Nodes whose clocks are wrong go by the database's.

use chrono::{TimeDelta, Utc};
use clipmill_storage::Stage;
use clipmill_tests::Behaviour;
use clipmill_tests::api::Account;
use clipmill_tests::cluster::Shared;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::tool;
use serde_json::json;

use super::{completed, says, worker};
use crate::support::{ask, assert_exact, served};

/// Where the library is that lies about the time.
fn liar() -> String {
    let told = tool::run("faketime", ["-f", "+0", "printenv", "LD_PRELOAD"]).unwrap();
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_whose_clocks_are_minutes_off_agree() {
    let (server, clip) = served();
    let shared = Shared::with_folder("[workers]\ncount = 1\n");
    let liar = liar();
    let off = |seconds: &str| {
        let clock = [
            ("LD_PRELOAD", liar.as_str()),
            ("FAKETIME", seconds),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        shared.daemon_with(&clock)
    };
    let nodes: [Daemon; 3] = [shared.daemon(), off("+300"), off("-300")];
    let records = shared.records().await;
    for node in &nodes[1..] {
        says(node, "the clocks of the database and of this machine differ").await;
    }
    // Logins of each are good at each.
    let ahead = Account::register(&nodes[1]).await;
    let behind = Account::login(&nodes[2], &ahead.email, clipmill_tests::api::PASSWORD).await;
    for node in &nodes {
        for account in [&ahead, &behind] {
            assert_eq!(account.at(node).get("/api/auth/me").await.status, 200);
        }
    }
    // Each has a job that takes longer than a lease, and nobody takes it from another.
    server.behave("/main.mp4", Behaviour::new().throttle(40_000));
    let mut ids = Vec::new();
    let mut workers = Vec::new();
    for (number, node) in nodes.iter().enumerate() {
        let account = ahead.at(node);
        let start = 20.0 * (1 + number) as f64 + 0.1;
        let id = account.save(&server.url("/main.mp4"), start, start + 0.8).await;
        ask(&account, &id).await;
        workers.push(worker(&records, &id, Stage::Fetch, &nodes).await);
        ids.push((id, start));
    }
    workers.sort_unstable();
    assert_eq!(workers, [0, 1, 2]);
    let file = tempfile::NamedTempFile::new().unwrap();
    for (id, start) in ids {
        let video = completed(&records, &id).await;
        assert_eq!(video.job.attempts, 1, "{video:?}");
        let took = video.job.completed_at.unwrap() - video.job.started_at.unwrap();
        assert!(took > TimeDelta::seconds(3), "the job was longer than a lease: {took}");
        let left = video.expires_at.unwrap() - Utc::now();
        assert!((TimeDelta::minutes(28)..=TimeDelta::minutes(30)).contains(&left), "{left}");
        behind.download_to(&id, &json!({}), file.path()).await;
        assert_exact(file.path(), &clip, start, start + 0.8);
    }
}
