//! The life of an upload as a client sees it, with constant memory on this side too.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clipmill_tests::api::{Account, JsonBody as _, answer};
use clipmill_tests::daemon::Daemon;
use futures_util::{Stream, StreamExt as _, stream};
use reqwest::{Body, Method};
use serde_json::json;
use tokio::io::AsyncReadExt as _;

/// How long the bytes of one file may take.
const TRANSFER: Duration = Duration::from_secs(300);
/// What is read from disk at a time.
const PIECE: usize = 1 << 18;

/// Uploads a file piece by piece; answers its id.
pub async fn upload(account: &Account, file: &Path) -> String {
    let head = "--edge\r\nContent-Disposition: form-data; name=\"video\"; filename=\"in.mp4\"\r\n\
                Content-Type: video/mp4\r\n\r\n";
    let tail = "\r\n--edge--\r\n";
    let size = fs::metadata(file).expect("the file is there").len();
    let parts = stream::once(async move { Ok(Bytes::from(head)) })
        .chain(pieces(file))
        .chain(stream::once(async move { Ok(Bytes::from(tail)) }));
    let request = account
        .request(Method::POST, "/api/encode/upload")
        .header("content-type", "multipart/form-data; boundary=edge")
        .header("content-length", size + (head.len() + tail.len()) as u64)
        .timeout(TRANSFER)
        .body(Body::wrap_stream(parts));
    let uploaded = answer(request).await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    uploaded.body["encode_id"].as_str().expect("an encode id").to_owned()
}

/// A file as a stream.
fn pieces(file: &Path) -> impl Stream<Item = std::io::Result<Bytes>> + use<> {
    let path = file.to_owned();
    let open = async move { tokio::fs::File::open(path).await };
    stream::once(open).flat_map(|opened| {
        stream::try_unfold(opened.ok(), |file| async {
            let Some(mut file) = file else { return Err(std::io::ErrorKind::NotFound.into()) };
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece).await?;
            piece.truncate(read);
            Ok((read > 0).then(|| (Bytes::from(piece), Some(file))))
        })
    })
}

/// Encodes an upload as H.264 and waits for it.
pub async fn encode(account: &Account, id: &str, deadline: Duration) {
    let since = Instant::now();
    let started = account
        .request(Method::POST, &format!("/api/encode/start/{id}"))
        .header("prefer", "respond-async")
        .timeout(deadline)
        .json_body(&json!({ "video_codec": "h264", "quality_preset": "high" }));
    let started = answer(started).await;
    assert!([200, 202].contains(&started.status), "{started:?}");
    loop {
        let now = account.get(&format!("/api/encode/status/{id}")).await;
        match now.body["status"].as_str() {
            Some("completed") => return,
            Some("pending" | "processing") => {}
            _ => panic!("the encode ended: {now:?}"),
        }
        assert!(since.elapsed() < deadline, "the encode still runs: {now:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Where the daemon keeps the finished file of an encode.
pub fn finished_file(daemon: &Daemon, id: &str) -> PathBuf {
    let names = daemon.names_in("files");
    let name = names.iter().find(|name| name.starts_with(id));
    let name = name.unwrap_or_else(|| panic!("no file of {id} among {names:?}"));
    daemon.data().join("files").join(name)
}

/// Fetches a finished file and drops what comes; answers how many bytes came.
pub async fn download(account: &Account, id: &str) -> u64 {
    let path = format!("/api/encode/download/{id}");
    let request = account.request(Method::POST, &path).timeout(TRANSFER);
    let response = request.send().await.expect("the daemon answers");
    assert_eq!(response.status().as_u16(), 200, "{response:?}");
    let mut got = 0;
    let mut body = response.bytes_stream();
    while let Some(piece) = body.next().await {
        got += piece.expect("the download does not break").len() as u64;
    }
    got
}
