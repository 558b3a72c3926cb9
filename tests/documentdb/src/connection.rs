//! One client: reads its requests one after the other, sees to it that it has logged in where that
//! is asked for, and answers.

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
    commands::{self, Command},
    errors::{Failure, ILLEGAL_OPERATION, UNAUTHORIZED, translate},
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
        while let Some(request) = wire::read(&mut stream).await? {
            let reply = self.reply(request.body.clone()).await;
            if request.wants_reply {
                let reply = translate(reply.unwrap_or_else(Failure::into_reply));
                wire::write(&mut stream, &request, &reply).await?;
            }
        }
        Ok(())
    }

    async fn reply(&mut self, body: Document) -> Result<Document, Failure> {
        let command = Command::parse(body)?;
        self.server.counters.count(command.name);
        if command.in_transaction {
            return Err(Failure::new(ILLEGAL_OPERATION, "this server has no transactions"));
        }
        match command.name {
            "hello" => Ok(hello::hello(&command.body, self.id, self.server.credentials.as_ref())),
            "buildInfo" => Ok(hello::build_info()),
            "saslStart" | "saslContinue" => self.log_in(&command),
            "ping" | "endSessions" | "refreshSessions" | "logout" => Ok(doc! { "ok": 1.0 }),
            _ => {
                self.check_access(command.name)?;
                commands::run(&self.server, command).await
            }
        }
    }

    fn log_in(&mut self, command: &Command) -> Result<Document, Failure> {
        let state = std::mem::take(&mut self.log_in);
        let credentials = self.server.credentials.as_ref().ok_or_else(scram::refused)?;
        let (reply, state) = match command.name {
            "saslStart" => credentials.start(&command.body)?,
            _ => credentials.proceed(&command.body, &state)?,
        };
        self.log_in = state;
        Ok(reply)
    }

    fn check_access(&self, name: &str) -> Result<(), Failure> {
        if self.server.credentials.is_none() || matches!(self.log_in, LogIn::Inside) {
            return Ok(());
        }
        Err(Failure::new(UNAUTHORIZED, format!("Command {name} requires authentication")))
    }
}
