//! One node sweeps, and another one when it is gone.

use std::time::{Duration, Instant};

use clipmill_tests::MediaServer;
use clipmill_tests::api::Account;
use clipmill_tests::cluster::Shared;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media::Clip;
use serde_json::json;

use super::PATIENCE;

/// How many records each node says that it has swept.
fn swept(nodes: &[Daemon]) -> Vec<u32> {
    let records = |node: &Daemon| {
        let log = node.log();
        let lines = log.lines().filter(|line| line.contains("swept expired videos"));
        lines.map(|line| line.split("records=").nth(1).unwrap().parse::<u32>().unwrap()).sum()
    };
    nodes.iter().map(records).collect()
}

/// Makes clips, some time apart, and waits until all are gone.
async fn made_and_gone(account: &Account, server: &MediaServer, shared: &Shared, clips: usize) {
    let mut ids = Vec::new();
    for _ in 0..clips {
        let id = account.save(&server.url("/tiny.mp4"), 0.0, 1.0).await;
        assert_eq!(account.download(&id, &json!({})).await.status(), 200);
        tokio::time::sleep(Duration::from_millis(700)).await;
        ids.push(id);
    }
    for id in ids {
        let path = format!("/api/video/status/{id}");
        account.wait_for(&path, |body| body["code"] == "not_found").await;
    }
    // A file goes right after its record.
    let since = Instant::now();
    while !shared.files().is_empty() {
        assert!(since.elapsed() < PATIENCE, "{:?} are still there", shared.files());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_sweeps_and_another_one_when_it_is_gone() {
    let server = MediaServer::new();
    let clip = Clip { gop: 30, audio: None, frames: 60, ..Clip::new(160, 90, 2) };
    server.file("/tiny.mp4", clip.file());
    let shared = Shared::with_folder("[retention]\nminutes = 0.02\nsweep_minutes = 0.01\n");
    let mut nodes: [Daemon; 3] = shared.daemons();
    let account = Account::register(&nodes[2]).await;
    made_and_gone(&account, &server, &shared, 5).await;
    assert_eq!(swept(&nodes), [5, 0, 0], "the first one sweeps");

    // One that stops hands the role over; one that is killed loses it some seconds later.
    assert!(nodes[0].stop().success());
    made_and_gone(&account, &server, &shared, 3).await;
    let now = swept(&nodes);
    assert!([vec![5, 3, 0], vec![5, 0, 3]].contains(&now), "{now:?}");
    let sweeper = if now[1] == 3 { 1 } else { 2 };
    nodes[sweeper].kill();
    nodes[0].start_again();
    let account = account.at(&nodes[3 - sweeper]);
    made_and_gone(&account, &server, &shared, 3).await;
    let mut after = swept(&nodes);
    assert_eq!(after[sweeper], 3, "{after:?}");
    after.sort_unstable();
    assert!([[0, 3, 8], [3, 3, 5]].contains(&[after[0], after[1], after[2]]), "{after:?}");
}
