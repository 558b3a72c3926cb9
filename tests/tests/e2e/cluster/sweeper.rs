//! One node sweeps, and another one when it is gone.

use std::time::{Duration, Instant};

use clipmill_tests::MediaServer;
use clipmill_tests::api::Account;
use clipmill_tests::cluster::Shared;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media::Clip;
use serde_json::json;

use super::PATIENCE;

/// How many records each node says that it has swept, when all say so of that many.
async fn swept(nodes: &[Daemon], records: u32) -> [u32; 3] {
    let since = Instant::now();
    loop {
        let by = |node: usize| {
            let log = nodes[node].log();
            let lines =
                log.lines().filter(|line| line.contains("the sweeper removed expired records"));
            lines.map(|line| line.split("records=").nth(1).unwrap().parse::<u32>().unwrap()).sum()
        };
        let now: [u32; 3] = std::array::from_fn(by);
        if now.iter().sum::<u32>() == records {
            return now;
        }
        assert!(since.elapsed() < PATIENCE, "{now:?} are not {records}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
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
    let shared = Shared::with_folder("[retention]\nminutes = 0.05\nsweep_minutes = 0.01\n");
    let mut nodes: [Daemon; 3] = shared.daemons();
    let account = Account::register(&nodes[2]).await;
    made_and_gone(&account, &server, &shared, 4).await;
    assert_eq!(swept(&nodes, 4).await, [4, 0, 0], "the first one sweeps");

    // One that stops hands the role over; one that is killed loses it some seconds later.
    assert!(nodes[0].stop().success());
    made_and_gone(&account, &server, &shared, 3).await;
    let second = swept(&nodes, 7).await;
    assert!([[4, 3, 0], [4, 0, 3]].contains(&second), "{second:?}");
    let sweeper = if second[1] == 3 { 1 } else { 2 };
    nodes[sweeper].kill();
    nodes[0].start_again();
    made_and_gone(&account.at(&nodes[0]), &server, &shared, 3).await;
    let third = swept(&nodes, 10).await;
    assert_eq!(third[sweeper], 3, "{third:?}");
    assert_eq!(third.iter().filter(|records| [0, 4].contains(*records)).count(), 1, "{third:?}");
}
