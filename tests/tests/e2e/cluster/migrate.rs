//! `clipmill migrate`, from one box to a cluster and back.

use std::process::{Command, Output};

use clipmill_tests::api::{Account, JsonBody as _, PASSWORD, answer, http};
use clipmill_tests::cluster::Shared;
use clipmill_tests::daemon::{Daemon, program};
use clipmill_tests::media::Clip;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{assert_exact, served};

/// Runs the command with the variables of a cluster.
fn migrate(shared: &Shared, from: &str, to: &str, flags: &[&str]) -> Output {
    let arguments = [&["migrate", "--from", from, "--to", to], flags].concat();
    let folder = tempfile::tempdir().unwrap();
    Command::new(program())
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .envs(shared.environment_with(&[]))
        .output()
        .unwrap()
}

/// The same, which must work; answers its counts.
fn counts(shared: &Shared, from: &str, to: &str) -> Value {
    let ran = migrate(shared, from, to, &["--json"]);
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{stderr}");
    assert!(!stderr.contains("refused"), "{stderr}");
    serde_json::from_slice(&ran.stdout).unwrap()
}

fn all(copied: [u64; 3], there: [u64; 3]) -> Value {
    let of =
        |kind: usize| json!({ "copied": copied[kind], "there_already": there[kind], "refused": 0 });
    json!({ "users": of(0), "sessions": of(1), "videos": of(2) })
}

/// A daemon with a database of its own, whose files are where a cluster has them.
fn alone(shared: &Shared, url: Option<&str>) -> Daemon {
    let own = [("MONGODB_URI", ""), ("REDIS_URI", ""), ("CLIPMILL_STORAGE_URL", url.unwrap_or(""))];
    let environment = shared.environment_with(&own);
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Daemon::start_with("", &environment)
}

async fn list(account: &Account) -> Value {
    let list = account.get("/api/video/list").await;
    assert_eq!(list.status, 200);
    list.body
}

async fn finished_file(account: &Account, id: &str) -> Vec<u8> {
    let path = format!("/api/video/download/{id}");
    let file = account.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(file.status(), 200);
    file.bytes().await.unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_becomes_a_cluster_and_a_box_again() {
    let (server, clip) = served();
    let shared = Shared::with_folder("");
    let mongodb = shared.variable("MONGODB_URI").to_owned();
    let mut one = alone(&shared, None);
    let account = Account::register(&one).await;
    let ended = Account::login(&one, &account.email, PASSWORD).await;
    assert_eq!(ended.post("/api/auth/logout", &json!({})).await.status, 200);
    let made = account.save(&server.url("/main.mp4"), 1.0, 2.0).await;
    assert_eq!(account.download(&made, &json!({})).await.status(), 200);
    let first_bytes = finished_file(&account, &made).await;
    let waiting = [
        account.save(&server.url("/main.mp4"), 61.1, 61.9).await,
        account.save(&server.url("/main.mp4"), 10.1, 10.6).await,
    ];
    let upload = account.upload(&Clip::new(320, 180, 5).file(), "mine.mp4").await;
    let encode = upload.body["encode_id"].as_str().unwrap().to_owned();
    let listed = list(&account).await;
    one.stop();

    let sqlite = format!("sqlite:{}", one.data().join("clipmill.db").display());
    assert_eq!(counts(&shared, &sqlite, &mongodb), all([1, 1, 4], [0, 0, 0]));
    assert_eq!(counts(&shared, &sqlite, &mongodb), all([0, 0, 0], [1, 1, 4]));
    let told = migrate(&shared, &sqlite, &mongodb, &[]);
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("videos    0 copied, 4 there already, 0 refused"), "{told}");

    let [mut a, mut b] = shared.daemons();
    let (on_a, on_b) = (account.at(&a), account.at(&b));
    assert_eq!(on_a.get("/api/auth/me").await.body["user"]["email"], json!(account.email));
    assert_eq!(ended.at(&a).get("/api/auth/me").await.status, 401);
    assert_eq!(list(&on_b).await, listed);
    assert_eq!(finished_file(&on_a, &made).await, first_bytes);
    let file = tempfile::NamedTempFile::new().unwrap();
    Account::login(&b, &account.email, PASSWORD)
        .await
        .download_to(&waiting[0], &json!({}), file.path())
        .await;
    assert_exact(file.path(), &clip, 61.1, 61.9);
    let start = json!({ "video_codec": "h264", "quality_preset": "medium" });
    let encoded = on_a.post(&format!("/api/encode/start/{encode}"), &start).await;
    assert_eq!(encoded.status, 200, "{encoded:?}");
    let listed = list(&on_a).await;
    a.stop();
    b.stop();

    let folder = tempfile::tempdir().unwrap();
    let back = format!("sqlite:{}", folder.path().join("back.db").display());
    assert_eq!(counts(&shared, &mongodb, &back), all([1, 2, 4], [0, 0, 0]));
    assert_eq!(counts(&shared, &mongodb, &back), all([0, 0, 0], [1, 2, 4]));
    let one = alone(&shared, Some(&back));
    let account = account.at(&one);
    assert_eq!(list(&account).await, listed);
    assert_eq!(finished_file(&account, &made).await, first_bytes);
    account.download_to(&waiting[1], &json!({}), file.path()).await;
    assert_exact(file.path(), &clip, 10.1, 10.6);
    Account::login(&one, &account.email, PASSWORD).await;
    assert_eq!(ended.at(&one).get("/api/auth/me").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_is_refused_and_told() {
    let shared = Shared::with_folder("");
    let mongodb = shared.variable("MONGODB_URI").to_owned();
    let mut one = alone(&shared, None);
    let account = Account::register(&one).await;
    account.save("http://127.0.0.1:9/none.mp4", 1.0, 2.0).await;
    one.stop();
    // Somebody has the address already on the other side.
    let mut node = shared.daemon();
    let credentials = json!({ "email": account.email, "password": "another password" });
    let request = http().post(node.url("/api/auth/register")).json_body(&credentials);
    assert_eq!(answer(request).await.status, 201);

    let sqlite = format!("sqlite:{}", one.data().join("clipmill.db").display());
    let ran = migrate(&shared, &sqlite, &mongodb, &["--json"]);
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("another account has this e-mail"), "{stderr}");
    let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let refused = json!({ "copied": 0, "there_already": 0, "refused": 1 });
    assert_eq!(told, json!({ "users": refused, "sessions": refused, "videos": refused }));
    // Who was there is still who was there.
    let there = Account::login(&node, &account.email, "another password").await;
    assert_ne!(there.user_id, account.user_id);
    assert_eq!(list(&there).await["videos"], json!([]));
    assert_eq!(account.at(&node).get("/api/auth/me").await.status, 401);
    node.stop();

    for (from, to, words) in [
        ("sqlite:/nowhere/clipmill.db", mongodb.as_str(), "there is no database"),
        (sqlite.as_str(), "postgres://127.0.0.1/clips", "--to must be"),
        (sqlite.as_str(), sqlite.as_str(), "the same database"),
        (sqlite.as_str(), "mongodb://someone:hush@127.0.0.1:9/clips", "can't be reached"),
    ] {
        let ran = migrate(&shared, from, to, &[]);
        let stderr = String::from_utf8_lossy(&ran.stderr);
        assert!(!ran.status.success() && stderr.contains(words), "{stderr}");
        let told = stderr.lines().filter(|line| line.starts_with("clipmill: ")).count();
        assert!(told == 1 && !stderr.contains("hush"), "{stderr}");
    }
}
