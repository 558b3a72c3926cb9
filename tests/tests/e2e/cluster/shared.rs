//! What each node does, all nodes know.

use clipmill_tests::api::Account;
use clipmill_tests::cluster::Shared;
use clipmill_tests::media::Clip;
use reqwest::Method;
use serde_json::json;

use crate::support::{assert_codecs, assert_exact, numbers, served};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_saved_on_one_is_downloaded_from_another_and_seen_on_a_third() {
    let (server, clip) = served();
    for shared in [Shared::with_folder(""), Shared::with_bucket("")] {
        let [a, b, c] = shared.daemons();
        let on_a = Account::register(&a).await;
        let (on_b, on_c) = (on_a.at(&b), on_a.at(&c));
        let id = on_a.save(&server.url("/main.mp4"), 61.5, 64.25).await;
        let status = on_c.get(&format!("/api/video/status/{id}")).await.body;
        assert_eq!(status["status"], "pending");

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clip.mp4");
        on_b.download_to(&id, &json!({}), &file).await;
        assert_exact(&file, &clip, 61.5, 64.25);
        let status = on_c.get(&format!("/api/video/status/{id}")).await.body;
        assert_eq!(
            (&status["status"], &status["file_available"]),
            (&json!("completed"), &json!(true))
        );
        // Whoever made it, every node has it.
        let first = std::fs::read(&file).unwrap();
        for account in [&on_a, &on_b, &on_c] {
            let again = account.download(&id, &json!({})).await;
            assert_eq!(again.status(), 200);
            assert_eq!(again.bytes().await.unwrap(), first);
        }

        // An upload is received by one node, encoded by any, and fetched from another.
        let upload = Clip::new(320, 180, 5);
        let sent = on_a.upload(&upload.file(), "holiday.mp4").await;
        assert_eq!(sent.status, 201, "{sent:?}");
        let encode = sent.body["encode_id"].as_str().unwrap().to_owned();
        let codec = json!({ "video_codec": "h265", "quality_preset": "medium" });
        let begun = on_b.post(&format!("/api/encode/start/{encode}"), &codec).await;
        assert!([200, 202].contains(&begun.status), "{begun:?}");
        let path = format!("/api/encode/status/{encode}");
        on_c.wait_for(&path, |status| status["status"] == "completed").await;
        let path = format!("/api/encode/download/{encode}");
        let answer = on_a.request(Method::POST, &path).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        std::fs::write(&file, answer.bytes().await.unwrap()).unwrap();
        assert_codecs(&file, &["hevc", "aac"]);
        assert_eq!(numbers(&file), (0..upload.frames).collect::<Vec<_>>());

        assert_eq!(shared.files().len(), 2);
        assert_eq!(shared.uploads().len(), 1);
        // A logout on one is a logout on all.
        assert_eq!(on_b.post("/api/auth/logout", &json!({})).await.status, 200);
        for account in [&on_c, &on_a, &on_b] {
            assert_eq!(account.get("/api/auth/me").await.status, 401);
        }
    }
}
