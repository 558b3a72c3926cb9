//! Redis goes away and comes back. What it holds may be lost, so that all goes on.

use std::time::Duration;

use clipmill_tests::Behaviour;
use clipmill_tests::api::{Account, JsonBody as _, PASSWORD, answer};
use clipmill_tests::cluster::Shared;
use clipmill_tests::daemon::Daemon;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::limits::refusals;
use super::{Outage, readiness};
use crate::support::{ask, assert_exact, served};

/// Sends a request that must be answered soon, with this status.
async fn soon(request: RequestBuilder, status: u16) -> Value {
    let answer = answer(request.timeout(Duration::from_secs(3))).await;
    assert_eq!(answer.status, status, "{answer:?}");
    answer.body
}

fn login(account: &Account) -> RequestBuilder {
    let credentials = json!({ "email": account.email, "password": PASSWORD });
    account.request(Method::POST, "/api/auth/login").json_body(&credentials)
}

fn me(account: &Account) -> RequestBuilder {
    account.request(Method::GET, "/api/auth/me")
}

async fn goes_away_and_comes_back(outage: Outage) {
    let (server, clip) = served();
    let shared = Shared::with_folder("");
    let ways = shared.ways().await;
    let limit = [("CLIPMILL_LIMITS_PUBLIC_PER_MINUTE", "5")];
    let nodes: [Daemon; 2] = std::array::from_fn(|_| shared.daemon_by_with(&ways, &limit));
    let account = Account::register(&nodes[0]).await;
    let accounts = [account.at(&nodes[0]), account.at(&nodes[1])];
    let [on_a, on_b] = &accounts;
    // A login that both nodes and Redis know when it ends.
    let ended = on_a.with_token(soon(login(on_a), 200).await["token"].as_str().unwrap());
    soon(me(&ended.at(&nodes[1])), 200).await;

    outage.begin(&ways.redis).await;
    for account in &accounts {
        soon(me(account), 200).await;
        soon(login(account), 200).await;
        soon(account.request(Method::GET, "/api/video/list"), 200).await;
        readiness(account, Some("Redis")).await;
    }
    soon(ended.request(Method::POST, "/api/auth/logout"), 200).await;
    for node in &nodes {
        soon(me(&ended.at(node)), 401).await;
    }
    let id = on_a.save(&server.url("/main.mp4"), 61.1, 61.9).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    on_b.download_to(&id, &json!({}), file.path()).await;
    assert_exact(file.path(), &clip, 61.1, 61.9);
    // Two minutes together let at most ten of one node through.
    for account in accounts.clone() {
        assert!(refusals(&[account], 12).await >= 2);
    }

    ways.redis.heal().await;
    for account in &accounts {
        readiness(account, None).await;
        soon(me(account), 200).await;
    }
    for node in &nodes {
        soon(me(&ended.at(node)), 401).await;
    }
    server.behave("/main.mp4", Behaviour::new().throttle(30_000));
    let id = on_a.save(&server.url("/main.mp4"), 20.0, 26.0).await;
    ask(on_a, &id).await;
    let path = format!("/api/video/status/{id}");
    let moves = |body: &Value| body["progress"]["download_progress"].as_f64() > Some(0.0);
    for account in &accounts {
        account.wait_for(&path, moves).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_goes_on_while_redis_is_gone() {
    goes_away_and_comes_back(Outage::Cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_goes_on_while_redis_says_nothing() {
    goes_away_and_comes_back(Outage::Stall).await;
}
