//! A way to a server on which connections can be lost without a trace, as a
//! firewall does it.

use std::future::pending;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(super) struct Proxy {
    at: String,
    lost: watch::Sender<()>,
}

impl Proxy {
    pub(super) async fn to(server: String) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let (lost, losing) = watch::channel(());
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let mut server = TcpStream::connect(&server).await.unwrap();
                let mut losing = losing.clone();
                losing.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        // Both stay open, and nothing passes any more.
                        Ok(()) = losing.changed() => pending().await,
                    }
                });
            }
        });
        Proxy { at, lost }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}", self.at)
    }

    /// All connections up to now carry nothing more; new ones do.
    pub(super) fn lose_connections(&self) {
        self.lost.send_replace(());
    }
}
