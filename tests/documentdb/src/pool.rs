//! Connections to PostgreSQL: kept for reuse, bounded in number, each with the statements that it
//! has prepared.

use std::{
    collections::HashMap,
    error::Error,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bson::Document;
use bytes::BytesMut;
use tokio::{sync::Semaphore, time::timeout};
use tokio_postgres::{
    Client, Config, NoTls, Row, Statement,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};

use crate::errors::{Failure, HOST_UNREACHABLE};

/// PostgreSQL is configured for 200, its own workers included.
const MAX_CONNECTIONS: usize = 64;
/// For a free connection, and for PostgreSQL to take a new one.
const PATIENCE: Duration = Duration::from_secs(30);
/// No statement runs longer, whatever a client asks for. Cursors keep their rows in files, so that
/// they don't need the connection on which they were opened.
const OPTIONS: &str = "-c search_path=documentdb_api_catalog,documentdb_api,public \
    -c documentdb.useFileBasedPersistedCursors=on -c statement_timeout=120s";

/// What a statement is given.
pub type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The connections to one PostgreSQL server.
pub struct Pool {
    config: Config,
    places: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

struct Connection {
    client: Client,
    statements: HashMap<&'static str, Statement>,
}

impl Pool {
    /// A pool for the server that has its socket in `folder`; connects when it has to.
    pub fn new(folder: &Path) -> Self {
        let mut config = Config::new();
        config.host_path(folder).user("postgres").dbname("postgres").options(OPTIONS);
        config.connect_timeout(PATIENCE);
        Pool { config, places: Semaphore::new(MAX_CONNECTIONS), idle: Mutex::default() }
    }

    /// Runs a statement that gives one row. When the caller goes away in the middle, so does the
    /// connection.
    ///
    /// # Errors
    /// What PostgreSQL reports, or that no connection could be had for 30 s.
    pub async fn row(&self, sql: &'static str, given: Parameters<'_>) -> Result<Row, Failure> {
        let place = timeout(PATIENCE, self.places.acquire()).await;
        let Ok(Ok(_place)) = place else {
            return Err(Failure::new(HOST_UNREACHABLE, "all connections are busy"));
        };
        let mut connection = match self.idle_connection() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let result = connection.row(sql, given).await;
        if !connection.client.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        Ok(result?)
    }

    fn idle_connection(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| idle.pop()).find(|connection| !connection.client.is_closed())
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let (client, driver) = self
            .config
            .connect(NoTls)
            .await
            .map_err(|error| Failure::new(HOST_UNREACHABLE, error.to_string()))?;
        // Ends with the client, whose calls report what went wrong.
        tokio::spawn(driver);
        Ok(Connection { client, statements: HashMap::new() })
    }
}

impl Connection {
    async fn row(
        &mut self,
        sql: &'static str,
        given: Parameters<'_>,
    ) -> Result<Row, tokio_postgres::Error> {
        let statement = match self.statements.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let statement = self.client.prepare(sql).await?;
                self.statements.insert(sql, statement.clone());
                statement
            }
        };
        self.client.query_one(&statement, given).await
    }
}

/// A document as DocumentDB's type `bson`.
#[derive(Debug, Clone)]
pub struct Column(pub Document);

impl ToSql for Column {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.0.to_vec()?);
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        kind.name() == "bson"
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Column {
    fn from_sql(_: &Type, bytes: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Column(Document::from_reader(bytes)?))
    }

    fn accepts(kind: &Type) -> bool {
        kind.name() == "bson"
    }
}
