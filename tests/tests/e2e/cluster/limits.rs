//! What is counted and what is shown is the same on every node.

use std::time::Duration;

use clipmill_tests::Behaviour;
use clipmill_tests::api::Account;
use clipmill_tests::cluster::Shared;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media_server::ALWAYS;
use reqwest::Method;

use crate::support::{ask, served};

/// Asks for a public token so many times, spread over the nodes; answers how often that was
/// refused.
pub async fn refusals(accounts: &[Account], times: usize) -> usize {
    let mut refused = 0;
    for number in 0..times {
        let account = &accounts[number % accounts.len()];
        let request = account.request(Method::GET, "/api/auth/token/public");
        let answer = request.timeout(Duration::from_secs(3)).send().await.unwrap();
        match answer.status().as_u16() {
            200 => {}
            429 => refused += 1,
            other => panic!("{other}"),
        }
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_wherever_they_go() {
    let shared = Shared::with_folder("");
    let limit = [("CLIPMILL_LIMITS_PUBLIC_PER_MINUTE", "5")];
    let nodes: [Daemon; 3] = std::array::from_fn(|_| shared.daemon_with(&limit));
    let account = Account::register(&nodes[0]).await;
    let accounts = [account.at(&nodes[0]), account.at(&nodes[1]), account.at(&nodes[2])];
    // Two minutes together let at most ten through; each node by itself would let all through.
    assert!(refusals(&accounts, 12).await >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_the_same_on_every_node() {
    let (server, _) = served();
    server.behave("/main.mp4", Behaviour::new().throttle(30_000));
    let shared = Shared::with_folder("");
    let nodes: [Daemon; 3] = shared.daemons();
    let account = Account::register(&nodes[0]).await;
    let accounts = [account.at(&nodes[0]), account.at(&nodes[1]), account.at(&nodes[2])];
    let id = account.save(&server.url("/main.mp4"), 50.0, 58.0).await;
    ask(&account, &id).await;
    let (mut last, mut seen, mut turn) = ((0.0, 0.0), [0; 3], 0);
    loop {
        turn += 1;
        let path = format!("/api/video/status/{id}");
        let body = accounts[turn % 3].get(&path).await.body;
        if body["status"] == "completed" {
            break;
        }
        assert!(["pending", "processing"].contains(&body["status"].as_str().unwrap()), "{body}");
        let percent = |name: &str| body["progress"][name].as_f64().unwrap_or(0.0);
        let now = (percent("encoding_progress"), percent("download_progress"));
        assert!(now >= last, "from {last:?} back to {now:?}");
        seen[turn % 3] += usize::from(now > (0.0, 0.0));
        last = now;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(seen.iter().all(|times| *times > 0), "each node shows some: {seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_cancelled_from_any_node() {
    let (server, _) = served();
    server.behave("/main.mp4", Behaviour::new().stall_after(20_000, ALWAYS));
    let shared = Shared::with_folder("");
    let [a, b] = shared.daemons();
    let on_a = Account::register(&a).await;
    let on_b = on_a.at(&b);
    let ids = [
        on_a.save(&server.url("/main.mp4"), 50.0, 58.0).await,
        on_b.save(&server.url("/main.mp4"), 10.0, 18.0).await,
    ];
    for id in &ids {
        ask(&on_a, id).await;
    }
    for id in &ids {
        let path = format!("/api/video/status/{id}");
        on_b.wait_for(&path, |body| body["status"] == "processing").await;
        let cancelled = on_b.post(&format!("/api/video/cancel/{id}"), &serde_json::json!({})).await;
        assert!([200, 202].contains(&cancelled.status), "{cancelled:?}");
        on_a.wait_for(&path, |body| body["status"] == "pending").await;
    }
    assert_eq!(shared.files(), Vec::<String>::new());
}
