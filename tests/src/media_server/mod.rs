//! A local HTTP server for media, whose misbehaviour a test sets while it runs.
//!
//! Owns the listener, its thread and the table of what is served. How one request is answered is in
//! `respond`, how its bytes flow in `body`, what can go wrong in `behaviour`, what was seen in
//! `stats`. It speaks plain HTTP/1.1 on 127.0.0.1 only.

mod behaviour;
mod body;
mod content;
mod range;
mod respond;
mod state;
mod stats;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

pub use behaviour::{ALWAYS, Behaviour};
pub use content::{Content, Incoming};
use state::State;
pub use stats::{PathStats, Seen};

/// A running server. Dropping it closes every connection and ends its thread.
pub struct MediaServer {
    address: SocketAddr,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MediaServer {
    /// Starts a server on a free port of 127.0.0.1 that answers 404 to everything.
    ///
    /// # Panics
    /// When this machine gives no port or no thread.
    #[expect(clippy::new_without_default, reason = "starting a server is no default value")]
    pub fn new() -> MediaServer {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on 127.0.0.1");
        listener.set_nonblocking(true).expect("a listener that doesn't block");
        let address = listener.local_addr().expect("the address just bound");
        let state = Arc::new(State::default());
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("media-server".to_owned())
            .spawn(move || serve(listener, serving, stopped))
            .expect("a thread for the media server");
        MediaServer { address, state, stop: Some(stop), thread: Some(thread) }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The full URL of `path`, which begins with a slash and is already percent-encoded.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base())
    }

    /// Serves the files below `folder` under `prefix`.
    pub fn folder(&self, prefix: &str, folder: impl AsRef<Path>) {
        let folder = folder.as_ref().to_owned();
        let cut = prefix.trim_end_matches('/').to_owned();
        self.state.mount(prefix, move |incoming: &Incoming| {
            let rest = incoming.path.get(cut.len()..)?;
            content::file_below(&folder, rest)
        });
    }

    /// Serves one file at exactly `path`.
    pub fn file(&self, path: &str, file: impl AsRef<Path>) {
        let file = file.as_ref().to_owned();
        let exactly = path.to_owned();
        self.state.mount(path, move |incoming: &Incoming| {
            (incoming.path == exactly).then(|| Content::file(&file))
        });
    }

    /// Answers every path under `prefix` with what `make` returns; `None` is 404.
    ///
    /// It is called once a request, on the server's own thread: it must not block.
    pub fn route(
        &self,
        prefix: &str,
        make: impl Fn(&Incoming) -> Option<Content> + Send + Sync + 'static,
    ) {
        self.state.mount(prefix, make);
    }

    /// From now on, requests whose path begins with `prefix` are answered as `behaviour` says,
    /// counted anew. The longest prefix that fits a path wins; `"/"` is everything else.
    pub fn behave(&self, prefix: &str, behaviour: Behaviour) {
        self.state.behave(prefix, behaviour);
    }

    /// Answers everything properly again.
    pub fn behave_well(&self) {
        self.state.behave_well();
    }

    /// What was asked at exactly `path`, and how many bytes of body were sent for it.
    pub fn stats(&self, path: &str) -> PathStats {
        self.state.stats(|seen| seen == path)
    }

    /// The same, summed over every path that begins with `prefix`.
    pub fn stats_under(&self, prefix: &str) -> PathStats {
        self.state.stats(|seen| seen.starts_with(prefix))
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.state.ledger().connections
    }

    /// Forgets what was counted so far.
    pub fn reset_stats(&self) {
        self.state.reset_stats();
    }
}

impl Drop for MediaServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Runs until `stopped`; the runtime's end then drops every connection, stalled ones too.
fn serve(listener: TcpListener, state: Arc<State>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime for the media server");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a bound listener");
        tokio::select! {
            () = accept(listener, state) => {}
            _ = stopped => {}
        }
    });
}

async fn accept(listener: tokio::net::TcpListener, state: Arc<State>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        state.ledger().connections += 1;
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let answer = service_fn(move |request| respond::respond(Arc::clone(&state), request));
            // A broken connection is what many tests ask for; the client sees it.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}
