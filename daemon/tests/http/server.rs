//! The accept loop, over real connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clipmill::http::serve;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::uploads::{BOUNDARY, form};
use crate::world::World;

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

async fn running(world: &World) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async move { stopped.await.unwrap_or_default() };
    let server = tokio::spawn(serve(Arc::clone(&world.app), listener, shutdown));
    Running { address, stop, server }
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn requests_are_answered_until_the_stop() {
    let world = World::new().await;
    let running = running(&world).await;
    let get = "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = ask(running.address, get).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("{\"status\":\"healthy\"}"), "{answer}");
    // An idle connection does not hold the stop up.
    let _idle = TcpStream::connect(running.address).await.unwrap();
    let began = Instant::now();
    running.stop.send(()).unwrap();
    running.server.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_at_the_stop() {
    let world = World::with(|config| config.server.stop_seconds = 1).await;
    let ada = world.person("ada@example.org").await;
    let id = world.clip(&ada).await;
    let running = running(&world).await;
    let request = format!(
        "POST /api/video/download/{id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 0\r\n\r\n",
        ada.token
    );
    let address = running.address;
    let waiting = tokio::spawn(async move { ask(address, &request).await });
    // The client is gone, the job is not.
    let claimed = world.claim().await;
    assert_eq!(claimed.video.id.to_string(), id);
    running.stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), running.server).await.unwrap().unwrap().unwrap();
    assert_eq!(waiting.await.unwrap(), "");
}

#[tokio::test]
async fn the_head_of_a_file_has_its_length_and_no_body() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let id = world.clip(&ada).await;
    let path = format!("/api/video/download/{id}");
    let _ = tokio::join!(world.poke(&path, &ada.token), world.finish_next("mp4", b"0123456789"));
    let running = running(&world).await;
    let request = |method: &str| {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Connection: close\r\n\r\n",
            ada.token
        )
    };
    let head = ask(running.address, &request("HEAD")).await.to_ascii_lowercase();
    assert!(head.contains("content-length: 10\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(ask(running.address, &request("GET")).await.ends_with("\r\n\r\n0123456789"));
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let running = running(&world).await;
    let body = form("video", "a.mp4", &vec![1; 1 << 20]);
    let head = format!(
        "POST /api/encode/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {}\r\n\r\n",
        ada.token,
        body.len()
    );
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body[..body.len() / 2]).await.unwrap();
    for _ in 0..500 {
        if !world.uploads().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(world.uploads().len(), 1, "it was being received");
    drop(stream);
    for _ in 0..500 {
        if world.uploads().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?} stays", world.uploads());
}
