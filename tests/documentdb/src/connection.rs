//! One client: reads its requests one after the other, asks for a log-in where one is needed, and
//! answers.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
};

use bson::{Document, doc};
use tokio::net::TcpStream;

use crate::{
    command::Command,
    commands,
    errors::{Failure, UNAUTHORIZED},
    hello,
    scram::{self, LogIn},
    server::Server,
    wire,
};

static NEXT_ID: AtomicI32 = AtomicI32::new(1);

/// Serves a client until it leaves or sends nonsense.
pub async fn serve(stream: TcpStream, server: Arc<Server>) {
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    let mut connection = Connection { id, server, log_in: LogIn::default() };
    if let Err(error) = connection.run(stream).await
        && error.kind() == io::ErrorKind::InvalidData
    {
        eprintln!("documentdb-gateway: connection {id}: {error}");
    }
}

struct Connection {
    id: i32,
    server: Arc<Server>,
    log_in: LogIn,
}

impl Connection {
    async fn run(&mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        while let Some((envelope, body)) = wire::read(&mut stream).await? {
            let reply = self.reply(body).await.unwrap_or_else(Failure::into_reply);
            if envelope.wants_reply {
                wire::write(&mut stream, envelope, &reply).await?;
            }
        }
        Ok(())
    }

    async fn reply(&mut self, body: Document) -> Result<Document, Failure> {
        let command = Command::parse(body)?;
        self.server.counters.count(command.name);
        match command.name {
            "hello" | "isMaster" => {
                Ok(hello::hello(&command.body, self.id, self.server.credentials.is_some()))
            }
            "buildInfo" => Ok(hello::build_info()),
            "ping" | "endSessions" => Ok(doc! { "ok": 1.0 }),
            "saslStart" | "saslContinue" => self.log_in(&command),
            name => {
                self.check_access(name)?;
                match name {
                    "serverStatus" => Ok(self.server.counters.server_status()),
                    _ => commands::run(&self.server, command).await,
                }
            }
        }
    }

    fn log_in(&mut self, command: &Command) -> Result<Document, Failure> {
        let before = std::mem::take(&mut self.log_in);
        let credentials = self.server.credentials.as_ref().ok_or_else(scram::refused)?;
        let (reply, after) = match command.name {
            "saslStart" => credentials.start(&command.body)?,
            _ => credentials.proceed(&command.body, &before)?,
        };
        self.log_in = after;
        Ok(reply)
    }

    fn check_access(&self, name: &str) -> Result<(), Failure> {
        match (&self.server.credentials, &self.log_in) {
            (None, _) | (Some(_), LogIn::Inside) => Ok(()),
            _ => Err(Failure::new(UNAUTHORIZED, format!("command {name} requires a log-in"))),
        }
    }
}
