//! What a start finds out and says.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::server::{Server, free_port};
use super::{QUICK, Redis, timed, until};
use crate::StorageError;

/// Whether a start is refused, and in which words.
async fn refusal(url: &str) -> StorageError {
    let opened =
        tokio::time::timeout(Duration::from_secs(10), Redis::open_at(url, "", QUICK)).await;
    match opened.expect("a start has a deadline") {
        Ok(_) => panic!("it starts"),
        Err(error) => error,
    }
}

#[track_caller]
fn assert_refused(error: &StorageError, words: &str) {
    assert!(matches!(error, StorageError::Refused(_)), "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
    assert!(!error.to_string().contains("secret"), "it shows the password: {error}");
}

#[track_caller]
fn assert_unavailable(error: &StorageError, words: &str) {
    assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
    assert!(!error.to_string().contains("secret"), "it shows the password: {error}");
}

#[tokio::test]
async fn an_address_without_sense_is_refused() {
    for url in [
        "",
        "localhost:6379",
        "http://localhost:6379",
        "redis://",
        "redis://:secret@localhost:port",
        "redis://:secret@localhost/first",
        "redis://:sec%ffret@localhost/first",
        "rediss://:secret@localhost#almost-secure",
        "rediss://:secret@localhost#insecure",
    ] {
        assert_refused(&refusal(url).await, "the address of Redis makes no sense");
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_told_with_host_and_port() {
    let at = format!("127.0.0.1:{}", free_port());
    let error = refusal(&format!("redis://:secret@{at}")).await;
    assert_unavailable(&error, &format!("Redis at {at} can't be reached: Connection refused"));
    let error = refusal("redis://:secret@redis.invalid:6379").await;
    assert_unavailable(&error, "Redis at redis.invalid:6379 can't be reached: ");
}

#[tokio::test]
async fn a_server_that_hangs_does_not_hold_a_start_for_long() {
    let server = Server::start();
    server.hang();
    let (error, took) = timed(refusal(&server.url())).await;
    assert_unavailable(&error, "does not answer within 2000 ms");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn credentials_count() {
    let server = Server::with(&["--requirepass", "right"], "right");
    let _: () = server.ask("ACL SETUSER worker on >secret2 ~* &* +@all");
    for account in [":right", "default:right", "worker:secret2"] {
        let redis = Redis::open_at(&server.url_as(account), "", QUICK).await.unwrap();
        assert_eq!(redis.problem().await, None);
    }
    for account in [":secret", "worker:secret", "nobody:secret"] {
        assert_refused(&refusal(&server.url_as(account)).await, "refused the credentials");
    }
    for database in ["", "/1"] {
        let without = refusal(&format!("{}{database}", server.url())).await;
        assert_refused(&without, "refused the credentials");
    }
}

#[tokio::test]
async fn credentials_for_a_server_that_has_none_are_told() {
    let server = Server::start();
    assert_refused(&refusal(&server.url_as("nobody:secret")).await, "refused the credentials");
}

#[tokio::test]
async fn a_missing_permission_is_found_at_the_start() {
    let server = Server::start();
    let _: () = server.ask("ACL SETUSER keys on >secret ~session:* &* +@all");
    let _: () = server.ask("ACL SETUSER channels on >secret ~* resetchannels +@all");
    let _: () = server.ask("ACL SETUSER scripts on >secret ~* &* +@all -eval");
    for user in ["keys", "channels", "scripts"] {
        let error = refusal(&server.url_as(&format!("{user}:secret"))).await;
        assert_refused(&error, "forbids what clipmill needs: NOPERM");
    }
}

#[tokio::test]
async fn a_replica_is_no_place_to_start() {
    let server = Server::with(&["--replicaof", "127.0.0.1 1"], "");
    assert_refused(&refusal(&server.url()).await, "is a replica that can't be written to");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_refused() {
    let server = Server::start();
    let error = refusal(&format!("{}/99", server.url())).await;
    assert_refused(&error, "DB index is out of range");
}

#[tokio::test]
async fn something_else_than_redis_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let web = tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            assert_ne!(client.read(&mut [0; 1000]).await.unwrap(), 0);
            client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        }
    });
    assert_refused(&refusal(&format!("redis://{at}")).await, "does not speak");
    web.abort();
}

#[tokio::test]
async fn encryption_that_the_server_does_not_speak_is_told() {
    let server = Server::start();
    let error = refusal(&format!("rediss://:secret@{}", server.at())).await;
    assert_unavailable(&error, "over TLS does not answer");
}

#[tokio::test]
async fn a_redis_that_is_busy_with_itself_does_not_hinder_a_start() {
    let server = Server::start();
    let _: () = server.ask("CONFIG SET maxmemory 1");
    let redis = Redis::open_at(&server.url(), "", QUICK).await.unwrap();
    let problem = redis.problem().await.unwrap();
    assert!(problem.contains("answers: OOM"), "{problem}");
    let _: () = server.ask("CONFIG SET maxmemory 0");
    until("it is used", async || redis.problem().await.is_none()).await;
}
