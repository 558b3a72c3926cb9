//! What clients are told when the daemon itself is broken.

use clipmill_tests::api::{Account, JsonBody as _, answer, http};
use clipmill_tests::daemon::Daemon;
use clipmill_tests::tool;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_database_is_500_and_tells_nothing_of_itself() {
    let daemon = Daemon::start("");
    let account = Account::register(&daemon).await;
    let database = daemon.data().join("clipmill.db");
    let wreck = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); \
                 d.execute('DROP TABLE users'); d.commit()";
    tool::run("python3", ["-c", wreck, database.to_str().unwrap()]).unwrap();

    let credentials = json!({ "email": "new@example.org", "password": "correct horse" });
    let passwords = json!({ "current_password": "correct horse", "new_password": "another one" });
    let clip = json!({
        "url": "https://youtu.be/dQw4w9WgXcQ", "start_time": 1, "end_time": 2,
        "user_id": account.user_id,
    });
    let post = |path: &str| http().post(daemon.url(path)).json_body(&credentials);
    for (path, told) in [
        ("register", answer(post("/api/auth/register")).await),
        ("login", answer(post("/api/auth/login")).await),
        ("change-password", account.post("/api/auth/change-password", &passwords).await),
        ("save", account.post_public("/api/video/save", &clip).await),
    ] {
        assert_eq!(told.status, 500, "{path}: {told:?}");
        assert_eq!(told.body["code"], "internal", "{path}: {told:?}");
        let text = told.body.to_string().to_lowercase();
        for secret in ["users", "table", "sqlite", "clipmill.db", "select"] {
            assert!(!text.contains(secret), "{path}: {text}");
        }
    }
}
