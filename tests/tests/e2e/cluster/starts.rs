//! What is wrong with a node's surroundings is said when it starts, in one sentence and without
//! secrets.

use std::net::TcpListener;
use std::time::Duration;

use clipmill_tests::api::Account;
use clipmill_tests::cluster::Shared;
use clipmill_tests::daemon::{Refusal, refused};
use clipmill_tests::media::Clip;
use serde_json::json;

const PASSWORD: &str = "hush-hush";

/// Asserts that a daemon gave up soon, with one sentence that has these words.
fn assert_clear(refusal: &Refusal, words: &[&str]) {
    let told: Vec<&str> =
        refusal.stderr.lines().filter(|line| line.starts_with("clipmill: ")).collect();
    println!("{:?} after {:?}: {told:?}", refusal.status.code(), refusal.took);
    assert_eq!(told.len(), 1, "{}", refusal.stderr);
    assert!(words.iter().all(|word| told[0].contains(word)), "{words:?} in {}", told[0]);
    assert!(refusal.stderr.ends_with(&format!("{}\n", told[0])), "{}", refusal.stderr);
    assert!(!refusal.stderr.contains(PASSWORD), "{}", refusal.stderr);
    assert!(!refusal.status.success());
    assert!(refusal.took < Duration::from_secs(20), "{:?}", refusal.took);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_away_or_refuse_are_named() {
    let shared = Shared::with_folder("");
    // Connections are taken by the system, and nobody ever answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap();
    let closed = "127.0.0.1:9";
    let mongodb = |host: &str| format!("mongodb://someone:{PASSWORD}@{host}/clips");
    let redis = |host: &str| format!("redis://someone:{PASSWORD}@{host}/0");
    let host = |variable: &str| {
        let url = shared.variable(variable);
        url.split("://").nth(1).unwrap().split(['/', '?']).next().unwrap().to_owned()
    };
    let (mongodb_server, redis_server) = (host("MONGODB_URI"), host("REDIS_URI"));
    for (variable, url, words) in [
        ("MONGODB_URI", mongodb(closed), ["MongoDB at 127.0.0.1:9", "refused"]),
        ("MONGODB_URI", mongodb(&silent.to_string()), ["MongoDB", "does not answer"]),
        ("MONGODB_URI", "mongodb://127.0.0.1".to_owned(), ["names no database", "HOST/DATABASE"]),
        ("MONGODB_URI", mongodb(&mongodb_server), ["MongoDB at", "refused the account"]),
        ("REDIS_URI", redis(closed), ["Redis at 127.0.0.1:9", "refused"]),
        ("REDIS_URI", redis(&silent.to_string()), ["Redis at", "does not answer"]),
        ("REDIS_URI", redis(&redis_server), ["Redis at", "refused the credentials"]),
    ] {
        let refusal = refused(&[], &shared.environment_with(&[(variable, &url)]));
        assert_clear(&refusal, &words);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_taken_is_named() {
    let shared = Shared::with_folder("");
    // An empty variable is one that is not set.
    let missing = [("JWT_PUBLIC_SECRET", ""), ("JWT_PRIVATE_SECRET", "")];
    let refusal = refused(&[], &shared.environment_with(&missing));
    for setting in ["auth.jwt_public_secret", "auth.jwt_private_secret", "JWT_PRIVATE_SECRET"] {
        assert!(refusal.stderr.contains(setting), "{}", refusal.stderr);
    }
    assert_eq!(refusal.status.code(), Some(2));

    let daemon = shared.daemon();
    let data = daemon.data();
    let refusal = refused(&["--data", data.to_str().unwrap()], &shared.environment_with(&[]));
    assert_clear(&refusal, &["another clipmill uses the data folder", data.to_str().unwrap()]);
    assert_eq!(Account::register(&daemon).await.get("/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_others_do_not_see_is_refused_until_it_is_adopted() {
    let shared = Shared::with_folder("");
    let mut daemon = shared.daemon();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("new").display().to_string();
    for variable in ["DOWNLOADS_DIR", "UPLOADS_DIR"] {
        let own = [(variable, folder.as_str())];
        let refusal = refused(&[], &shared.environment_with(&own));
        assert_clear(&refusal, &["is not the one that the other daemons", "--adopt-stores"]);
    }
    // It was moved on purpose.
    daemon.stop();
    let moved = [("DOWNLOADS_DIR", folder.as_str())];
    let first = shared.daemon_with_flags(&["--adopt-stores"], &moved);
    let second = shared.daemon_with(&moved);
    let server = clipmill_tests::MediaServer::new();
    server.file("/clip.mp4", Clip::new(320, 180, 5).file());
    let on_first = Account::register(&first).await;
    let id = on_first.save(&server.url("/clip.mp4"), 1.0, 1.5).await;
    assert_eq!(on_first.at(&second).download(&id, &json!({})).await.status(), 200);
    assert_eq!(on_first.download(&id, &json!({})).await.status(), 200);
    assert_eq!(shared.files(), Vec::<String>::new());
    let refusal = refused(&[], &shared.environment_with(&[]));
    assert_clear(&refusal, &["is not the one that the other daemons", "--adopt-stores"]);
}

#[test]
fn nodes_that_are_started_at_once_for_the_first_time_all_start() {
    let stores = [Shared::with_folder(""), Shared::with_bucket("")];
    std::thread::scope(|scope| {
        for shared in &stores {
            for _ in 0..3 {
                scope.spawn(|| drop(shared.daemon()));
            }
        }
    });
}
