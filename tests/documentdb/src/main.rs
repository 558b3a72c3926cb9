//! Lets MongoDB drivers talk to DocumentDB, the extension that makes PostgreSQL a document database
//! but comes without the wire protocol. It exists so that clipmill's tests have a MongoDB-compatible
//! server on machines for which there is no `mongod` package. It is not part of the product: it
//! listens on 127.0.0.1 only, knows the commands that clipmill uses, and has no transactions.
//!
//! One line on standard output, `listening on 127.0.0.1:PORT`, says that it is ready.

mod command;
mod commands;
mod conflicts;
mod connection;
mod counters;
mod cursors;
mod errors;
mod hello;
mod pool;
mod scram;
mod server;
mod wire;

use std::{io, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::Semaphore,
    time::sleep,
};

use crate::{scram::Credentials, server::Server};

/// Clients that are served at the same time; more of them wait until one leaves.
const MAX_CLIENTS: usize = 1000;

#[derive(Parser)]
#[command(about = "Lets MongoDB drivers talk to DocumentDB on PostgreSQL (for tests)")]
struct Arguments {
    /// The folder with PostgreSQL's socket
    #[arg(long)]
    postgres: PathBuf,
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Lets in only this user, by SCRAM-SHA-256
    #[arg(long, requires = "password")]
    user: Option<String>,
    /// The password of --user
    #[arg(long, requires = "user")]
    password: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("documentdb-gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until SIGTERM or SIGINT. Connections that are open then are cut.
async fn run(arguments: Arguments) -> io::Result<()> {
    let credentials = match (&arguments.user, &arguments.password) {
        (Some(user), Some(password)) => Some(Credentials::new(user, password)),
        _ => None,
    };
    let server = Server::new(&arguments.postgres, credentials);
    server.check().await.map_err(|failure| io::Error::other(failure.message))?;
    let listener = TcpListener::bind(("127.0.0.1", arguments.port)).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    println!("listening on {}", listener.local_addr()?);
    tokio::select! {
        result = accept(listener, Arc::new(server)) => result,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

async fn accept(listener: TcpListener, server: Arc<Server>) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, for example: some client will leave.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            connection::serve(stream, server).await;
            drop(place);
        });
    }
}
