//! MongoDB goes away and comes back. Nobody waits for ever, and no work is lost.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use clipmill_storage::{Stage, Status};
use clipmill_tests::api::{Account, JsonBody as _, PASSWORD};
use clipmill_tests::cluster::Shared;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media::Clip;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Outage, assert_only_file, completed, readiness, record, says, worker};
use crate::support::{assert_codecs, numbers, served};

/// What every request is answered within.
const DEADLINE: Duration = Duration::from_secs(8);

/// What needs no record: what a load balancer and a front end ask, and sources.
const UNMOVED: &[(&str, &str)] = &[
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/api/encode/codecs"),
    ("GET", "/api/auth/token/public"),
    ("POST", "/api/video/resolutions"),
];

/// Without a code, but with what is wrong.
const READINESS: (&str, &str) = ("GET", "/readyz");

/// All operations that the server documents.
async fn documented(account: &Account) -> BTreeSet<(String, String)> {
    let document = account.get("/openapi.json").await.body;
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, operations)| {
            let methods = operations.as_object().unwrap().keys();
            methods.map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
        })
        .collect()
}

/// Who asks, and for what.
struct Asking {
    account: Account,
    clip: String,
    encode: String,
    source: String,
}

impl Asking {
    /// A proper request of an operation.
    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let Asking { account, clip, encode, source } = self;
        let id = if path.contains("encode") { encode } else { clip };
        let place = path
            .replace("{token}/{video_id}", &format!("{}/dQw4w9WgXcQ", account.public))
            .replace("{video_id}", id)
            .replace("{encode_id}", id);
        let query = match path.contains("stream") {
            true => format!("?reply=json&user_id={}", account.user_id),
            false => String::new(),
        };
        let account = match path {
            "/api/video/save" => account.with_token(&account.public),
            _ => account.clone(),
        };
        let request = account.request(method.parse().unwrap(), &format!("{place}{query}"));
        let credentials = json!({ "email": account.email, "password": PASSWORD });
        let body = match path {
            "/api/auth/register" | "/api/auth/login" => credentials,
            "/api/auth/change-password" => {
                json!({ "current_password": PASSWORD, "new_password": "horse correct" })
            }
            "/api/video/resolutions" => json!({ "url": source }),
            "/api/video/save" => json!({
                "url": source, "start_time": 1, "end_time": 2, "user_id": account.user_id,
            }),
            "/api/encode/start/{encode_id}" => {
                json!({ "video_codec": "h264", "quality_preset": "high" })
            }
            "/api/encode/upload" => {
                let form = "--edge\r\nContent-Disposition: form-data; name=\"video\"; \
                            filename=\"a.mp4\"\r\n\r\nbytes\r\n--edge--\r\n";
                let kind = "multipart/form-data; boundary=edge";
                return request.header("content-type", kind).body(form);
            }
            _ => return request,
        };
        request.json_body(&body)
    }

    /// Asserts that a request is answered in time, and with what.
    async fn assert_answered(&self, method: &str, path: &str) {
        let since = Instant::now();
        let response = self.request(method, path).timeout(DEADLINE).send().await;
        let response = response.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let status = response.status().as_u16();
        let wait = response.headers().get("retry-after").cloned();
        let body = response.bytes().await.unwrap();
        println!("{method} {path}: {status} after {} ms", since.elapsed().as_millis());
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if UNMOVED.contains(&(method, path)) {
            assert_eq!(status, 200, "{method} {path}: {body}");
        } else if (method, path) != READINESS {
            let told = (status, body["code"].as_str());
            assert_eq!(told, (503, Some("storage_unavailable")), "{method} {path}");
            let seconds = wait.and_then(|seconds| seconds.to_str().ok()?.parse::<u32>().ok());
            assert!(
                seconds.is_some_and(|seconds| seconds > 0),
                "{method} {path} says when to retry"
            );
        }
    }
}

async fn goes_away_and_comes_back(outage: Outage) {
    let (server, _) = served();
    let shared = Shared::with_folder("[workers]\ncount = 1\n[server]\nstop_seconds = 5\n");
    let ways = shared.ways().await;
    let mut nodes: [Daemon; 2] = std::array::from_fn(|_| shared.daemon_by(&ways));
    let records = shared.records().await;
    let account = Account::register(&nodes[0]).await;
    let accounts = [account.at(&nodes[0]), account.at(&nodes[1])];
    let id = account.save(&server.url("/main.mp4"), 1.0, 2.0).await;
    let clip = Clip::new(320, 180, 20);
    let uploaded = account.upload(&clip.file(), "long.mp4").await;
    let encode = uploaded.body["encode_id"].as_str().unwrap().to_owned();
    let path = format!("/api/encode/start/{encode}");
    let start = json!({ "video_codec": "h265", "quality_preset": "medium" });
    let waiting = {
        let (account, path, start) = (account.clone(), path.clone(), start.clone());
        tokio::spawn(async move { account.post(&path, &start).await })
    };
    let working = worker(&records, &encode, Stage::Transcode, &nodes).await;

    outage.begin(&ways.mongodb).await;
    let begun = Instant::now();
    for account in &accounts {
        readiness(account, Some("MongoDB")).await;
        assert_eq!(account.get("/healthz").await.status, 200);
    }
    // What Redis knows of a login is believed for some seconds.
    tokio::time::sleep(Duration::from_secs(5).saturating_sub(begun.elapsed())).await;
    let operations = documented(&account).await;
    let asking = accounts.map(|account| Asking {
        account,
        clip: id.clone(),
        encode: encode.clone(),
        source: server.url("/main.mp4"),
    });
    let asked = operations.iter().enumerate();
    let asked = asked.map(|(at, (method, path))| asking[at % 2].assert_answered(method, path));
    futures_util::future::join_all(asked).await;
    for operation in UNMOVED.iter().chain([&READINESS]) {
        let (method, path) = (operation.0.to_owned(), operation.1.to_owned());
        assert!(operations.contains(&(method, path)), "{operation:?} is not there");
    }
    says(&nodes[working], "the worker could not write the finished file").await;
    assert!(begun.elapsed() > Duration::from_secs(4), "the lease is not over yet");
    assert_eq!(record(&records, &encode).await.job.status, Status::Processing);
    assert!(!waiting.is_finished(), "who waits for a job waits on");
    // A node without a job can be stopped meanwhile.
    assert!(nodes[1 - working].stop().success());

    ways.mongodb.heal().await;
    let done = completed(&records, &encode).await;
    assert_eq!(done.job.attempts, 1, "{done:?}");
    assert_only_file(&shared, &records, &encode, 1).await;
    let told = waiting.await.unwrap();
    // The node that was stopped has told its clients that the work goes on.
    let wanted = if working == 0 { (200, "completed") } else { (202, "processing") };
    assert_eq!((told.status, told.body["status"].as_str().unwrap()), wanted, "{told:?}");
    nodes[1 - working].start_again();
    for node in &nodes {
        let account = account.at(node);
        readiness(&account, None).await;
        let link = account.request(Method::POST, &format!("/api/encode/download/{encode}"));
        let answer = link.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), answer.bytes().await.unwrap()).unwrap();
        assert_codecs(file.path(), &["hevc", "aac"]);
        assert_eq!(numbers(file.path()), (0..clip.frames).collect::<Vec<_>>());
    }
    // Nothing of what was refused was done.
    let me = account.at(&nodes[0]).get("/api/auth/me").await;
    assert_eq!(me.status, 200, "{me:?}");
    assert_eq!(record(&records, &id).await.job.status, Status::Pending);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_answered_and_work_goes_on_while_mongodb_is_gone() {
    goes_away_and_comes_back(Outage::Cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_answered_and_work_goes_on_while_mongodb_says_nothing() {
    goes_away_and_comes_back(Outage::Stall).await;
}
