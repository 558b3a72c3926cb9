//! The accept loop: a bounded number of connections, deadlines for those that
//! send nothing or take nothing, and a stop that lets running requests end.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::call::Peer;
use super::router::routes;
use super::stall::StallGuard;
use crate::app::App;

/// Connections at a time; more wait in the system's own queue.
const CONNECTIONS: usize = 1024;
/// Longest time for the head of a request, from the start of the connection
/// or the end of the request before.
const HEADER_DEADLINE: Duration = Duration::from_secs(10);
/// Longest time in which a client takes nothing of an answer.
const WRITE_DEADLINE: Duration = Duration::from_secs(60);
/// Pause after the system could not accept, mostly because of too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` ends, then lets running requests end within the
/// configured time.
///
/// # Errors
/// When the listener has no address, and so is none.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    tracing::info!(%address, "listening");
    let deadline = Duration::from_secs(app.config.server.stop_seconds);
    let routes = routes(&app);
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (listener.accept().await, permit)
        };
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            (accepted, permit) = accepted => match (accepted, permit) {
                (Ok((stream, peer)), Ok(permit)) => {
                    let routes = routes.clone();
                    let stopping = stopping.clone();
                    connections.spawn(async move {
                        let _permit = permit;
                        serve_connection(stream, Peer(peer), routes, stopping).await;
                    });
                }
                (Err(error), _) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                (_, Err(closed)) => return Err(io::Error::other(closed)),
            },
        }
    }
    drop(listener);
    // An error means that there are no connections, which hold the receivers.
    let _ = stop.send(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(deadline, all).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "the daemon stopped before these connections had ended"
        );
    }
    Ok(())
}

async fn serve_connection(
    stream: TcpStream,
    peer: Peer,
    routes: BoxedFilter<(Response,)>,
    mut stopping: watch::Receiver<bool>,
) {
    // An answer's last small piece should not wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let routes = TowerToHyperService::new(warp::service(routes));
    let answer = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer);
        routes.call(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(StallGuard::new(stream, WRITE_DEADLINE)), answer);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Ends when the daemon starts to stop.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the server is gone, which is a stop as well.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
