//! An S3 service for tests, in this process: buckets are folders on the disk, signatures are
//! checked, and a test sets what goes wrong while it runs.
//!
//! Owns the listener, its thread and who may do what (`access`). What can go wrong and what was
//! asked is in `faults`. It speaks plain HTTP/1.1 on 127.0.0.1 only.

mod access;
mod faults;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::sync::oneshot;

use access::{Keys, Policy};
pub use access::{READER, WRITER};
pub use faults::Asked;
use faults::Faults;

/// The bucket that is there from the start.
pub const BUCKET: &str = "clips";

/// A running service with one empty bucket. Dropping it closes every connection and removes all.
pub struct S3 {
    folder: TempDir,
    address: SocketAddr,
    faults: Arc<Faults>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl S3 {
    /// Starts a service on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When this machine gives no port, no folder or no thread.
    #[expect(clippy::new_without_default, reason = "starting a server is no default value")]
    pub fn new() -> S3 {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a folder for the bucket");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on 127.0.0.1");
        listener.set_nonblocking(true).expect("a listener that doesn't block");
        let address = listener.local_addr().expect("the address just bound");
        let files = FileSystem::new(folder.path()).expect("the folder is there");
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(Keys);
        builder.set_access(Policy::of(folder.path()));
        let service = builder.build();
        let faults = Arc::new(Faults::default());
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&faults);
        let thread = std::thread::Builder::new()
            .name("s3".to_owned())
            .spawn(move || serve(listener, service, serving, stopped))
            .expect("a thread for the S3 service");
        S3 { folder, address, faults, stop: Some(stop), thread: Some(thread) }
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The section of config.toml that keeps files in the bucket, below `prefix`.
    pub fn section(&self, prefix: &str) -> String {
        let endpoint = self.endpoint();
        format!("[artifacts]\nurl = \"s3://{BUCKET}/{prefix}\"\nendpoint = \"{endpoint}\"\n")
    }

    /// Where the bucket's objects are on the disk, for looking and for changing.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join(BUCKET)
    }

    /// Names of the objects below a prefix (`files`), without it, sorted.
    pub fn names_in(&self, prefix: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder().join(prefix)).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// How often this was asked, refusals and faults included.
    pub fn count(&self, asked: Asked) -> usize {
        self.faults.count(asked)
    }

    /// Answers the next so many of these requests with 503 and the code `SlowDown`.
    pub fn fail(&self, asked: Asked, times: usize) {
        self.faults.fail(asked, times);
    }

    /// Never answers the next so many of these requests.
    pub fn stall(&self, asked: Asked, times: usize) {
        self.faults.stall(asked, times);
    }

    /// Does what the next so many of these requests ask, and answers 503.
    pub fn lose(&self, asked: Asked, times: usize) {
        self.faults.lose(asked, times);
    }

    /// Breaks off the bodies of the next so many GETs after so many bytes.
    pub fn cut(&self, after: u64, times: usize) {
        self.faults.cut(after, times);
    }

    /// Closes all connections, those that come too, until it is back.
    pub fn away(&self, is_away: bool) {
        self.faults.away(is_away);
    }

    /// Answers everything properly again.
    pub fn behave_well(&self) {
        self.faults.behave_well();
    }
}

impl Drop for S3 {
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
fn serve(
    listener: TcpListener,
    service: S3Service,
    faults: Arc<Faults>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime for the S3 service");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a bound listener");
        tokio::select! {
            () = accept(listener, service, faults) => {}
            _ = stopped => {}
        }
    });
}

async fn accept(listener: tokio::net::TcpListener, service: S3Service, faults: Arc<Faults>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let (service, faults) = (service.clone(), Arc::clone(&faults));
        tokio::spawn(async move {
            let gone = Arc::clone(&faults);
            let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let (service, faults) = (service.clone(), Arc::clone(&faults));
                async move { faults.answer(&service, request.map(s3s::Body::from)).await }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // A broken connection is what many tests ask for; the client sees it.
            tokio::select! {
                _ = connection => {}
                () = gone.gone() => {}
            }
        });
    }
}
