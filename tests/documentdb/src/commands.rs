//! The commands, and the SQL function of DocumentDB that carries out each.

use bson::{Bson, Document, doc};
use tokio_postgres::Row;

use crate::{
    conflicts::MAX_ATTEMPTS,
    cursors::Cursor,
    errors::{
        BAD_VALUE, COMMAND_NOT_FOUND, Failure, NAMESPACE_NOT_FOUND, WRITE_CONFLICT,
        is_write_conflict, translate,
    },
    pool::{Column, Parameters},
    server::Server,
};

/// The commands that this server knows. Drivers may write them in any case.
const NAMES: &[&str] = &[
    "aggregate",
    "buildInfo",
    "collMod",
    "count",
    "create",
    "createIndexes",
    "delete",
    "distinct",
    "drop",
    "dropDatabase",
    "dropIndexes",
    "endSessions",
    "find",
    "findAndModify",
    "getMore",
    "hello",
    "insert",
    "killCursors",
    "listCollections",
    "listDatabases",
    "listIndexes",
    "logout",
    "ping",
    "refreshSessions",
    "saslContinue",
    "saslStart",
    "serverStatus",
    "update",
];

/// Arguments for the layer around the commands, which DocumentDB doesn't know. Write and read
/// concerns are among them: there is one node, and it answers when it has written.
const ENVELOPE: &[&str] = &[
    "$clusterTime",
    "$db",
    "$readPreference",
    "apiDeprecationErrors",
    "apiStrict",
    "apiVersion",
    "autocommit",
    "lsid",
    "readConcern",
    "startTransaction",
    "txnNumber",
    "writeConcern",
];

/// A request that names a command.
pub struct Command {
    /// As in [`NAMES`].
    pub name: &'static str,
    /// The database that it is for.
    pub database: String,
    /// The first argument, where it is a text: mostly the collection.
    pub collection: String,
    /// The command without its envelope.
    pub body: Document,
    /// Whether it is part of a transaction, or of a write that may come again.
    pub in_transaction: bool,
}

impl Command {
    /// Recognises a command.
    ///
    /// # Errors
    /// When there is no such command.
    pub fn parse(mut body: Document) -> Result<Self, Failure> {
        let (asked, first) =
            body.iter().next().map_or(("", &Bson::Null), |(key, value)| (key.as_str(), value));
        let known = match asked {
            "isMaster" | "ismaster" => Some("hello"),
            _ => NAMES.iter().copied().find(|name| name.eq_ignore_ascii_case(asked)),
        };
        let name = known.ok_or_else(|| {
            Failure::new(COMMAND_NOT_FOUND, format!("no such command: '{asked}'"))
        })?;
        let collection = first.as_str().unwrap_or_default().to_owned();
        let database = body.get_str("$db").unwrap_or("admin").to_owned();
        let in_transaction = body.contains_key("startTransaction")
            || body.contains_key("autocommit")
            || body.contains_key("txnNumber");
        for argument in ENVELOPE {
            body.remove(argument);
        }
        Ok(Command { name, database, collection, body, in_transaction })
    }
}

/// Carries out a command.
///
/// # Errors
/// What the client is told instead of a result.
pub async fn run(server: &Server, command: Command) -> Result<Document, Failure> {
    let Command { name, database, collection, body, .. } = command;
    let call = Call { server, database, collection, body: Column(body) };
    match name {
        "insert" => call.write("SELECT p_result FROM documentdb_api.insert($1, $2)").await,
        "update" => call.write("SELECT p_result FROM documentdb_api.update($1, $2)").await,
        "delete" => call.write("SELECT p_result FROM documentdb_api.delete($1, $2)").await,
        "findAndModify" => {
            call.write("SELECT p_result FROM documentdb_api.find_and_modify($1, $2)").await
        }
        "find" => call.open("SELECT * FROM documentdb_api.find_cursor_first_page($1, $2)").await,
        "aggregate" => {
            call.open("SELECT * FROM documentdb_api.aggregate_cursor_first_page($1, $2)").await
        }
        "listCollections" => {
            call.open("SELECT * FROM documentdb_api.list_collections_cursor_first_page($1, $2)")
                .await
        }
        "listIndexes" => {
            call.open("SELECT * FROM documentdb_api.list_indexes_cursor_first_page($1, $2)").await
        }
        "getMore" => call.get_more().await,
        "killCursors" => call.kill_cursors().await,
        "count" => call.ask("SELECT document FROM documentdb_api.count_query($1, $2)").await,
        "distinct" => call.ask("SELECT document FROM documentdb_api.distinct_query($1, $2)").await,
        "create" => call.alter("SELECT documentdb_api.create_collection_view($1, $2)").await,
        "createIndexes" => call.create_indexes().await,
        "dropIndexes" => call.alter("CALL documentdb_api.drop_indexes($1, $2)").await,
        "collMod" => call.coll_mod().await,
        "drop" => call.drop_collection().await,
        "dropDatabase" => call.drop_database().await,
        "listDatabases" => call.list_databases().await,
        "serverStatus" => Ok(server.counters.server_status()),
        _ => Err(Failure::new(COMMAND_NOT_FOUND, format!("no such command: '{name}'"))),
    }
}

/// A command on its way to PostgreSQL.
struct Call<'a> {
    server: &'a Server,
    database: String,
    collection: String,
    body: Column,
}

impl Call<'_> {
    /// Runs a function of database and command that gives one document.
    async fn ask(&self, sql: &'static str) -> Result<Document, Failure> {
        let row = self.server.pool.row(sql, &[&self.database, &self.body]).await?;
        Ok(document(&row, 0))
    }

    /// The same for writes, which are tried again when others were writing.
    async fn write(&self, sql: &'static str) -> Result<Document, Failure> {
        let queue = self.server.conflicts.queue(&self.namespace());
        let mut turn = None;
        for _ in 1..MAX_ATTEMPTS {
            let result = self.ask(sql).await.map(translate);
            let conflict = match &result {
                Ok(reply) => is_write_conflict(reply),
                Err(failure) => failure.code == WRITE_CONFLICT,
            };
            if !conflict {
                return result;
            }
            if turn.is_none() {
                turn = Some(queue.lock().await);
            }
        }
        self.ask(sql).await
    }

    /// The same for changes of the schema, one at a time in each database.
    async fn alter(&self, sql: &'static str) -> Result<Document, Failure> {
        let queue = self.server.conflicts.queue(&self.database);
        let _turn = queue.lock().await;
        self.ask(sql).await
    }

    /// Runs a query and keeps what is needed to continue it.
    async fn open(&self, sql: &'static str) -> Result<Document, Failure> {
        let row = self.server.pool.row(sql, &[&self.database, &self.body]).await?;
        let page = document(&row, "cursorpage");
        let continuation: Option<Column> = row.get("continuation");
        let id = page.get_document("cursor").and_then(|cursor| cursor.get_i64("id")).unwrap_or(0);
        if let Some(continuation) = continuation
            && id != 0
        {
            let cursor = Cursor { database: self.database.clone(), continuation };
            self.server.cursors.keep(id, cursor)?;
        }
        Ok(page)
    }

    async fn get_more(&self) -> Result<Document, Failure> {
        let id = self.body.0.get_i64("getMore").map_err(|_| bad("getMore wants a number"))?;
        let cursor = self.server.cursors.take(id)?;
        let sql = "SELECT * FROM documentdb_api.cursor_get_more($1, $2, $3)";
        let given = (&cursor.database, &self.body, &cursor.continuation);
        let row = self.server.pool.row(sql, &[given.0, given.1, given.2]).await?;
        let continuation: Option<Column> = row.get("continuation");
        if let Some(continuation) = continuation {
            self.server.cursors.keep(id, Cursor { continuation, ..cursor })?;
        }
        Ok(document(&row, "cursorpage"))
    }

    async fn kill_cursors(&self) -> Result<Document, Failure> {
        let ids = self.body.0.get_array("cursors").map_err(|_| bad("which cursors?"))?;
        let ids = ids.iter().filter_map(Bson::as_i64);
        let (mut killed, mut unknown) = (Vec::new(), Vec::new());
        for id in ids {
            if self.server.cursors.take(id).is_ok() { killed.push(id) } else { unknown.push(id) }
        }
        let sql = "SELECT documentdb_api_internal.delete_cursors($1)";
        self.server.pool.row(sql, &[&killed]).await?;
        Ok(doc! {
            "cursorsKilled": killed, "cursorsNotFound": unknown,
            "cursorsAlive": [], "cursorsUnknown": [], "ok": 1.0,
        })
    }

    async fn create_indexes(&self) -> Result<Document, Failure> {
        let sql = "SELECT documentdb_api_internal.create_indexes_non_concurrently($1, $2, true)";
        let reply = self.alter(sql).await?;
        let only_shard = reply.get_document("raw").and_then(|raw| raw.get_document("defaultShard"));
        Ok(only_shard.cloned().unwrap_or(reply))
    }

    async fn coll_mod(&self) -> Result<Document, Failure> {
        let sql = "SELECT documentdb_api.coll_mod($1, $2, $3)";
        let given: Parameters = &[&self.database, &self.collection, &self.body];
        Ok(document(&self.server.pool.row(sql, given).await?, 0))
    }

    async fn drop_collection(&self) -> Result<Document, Failure> {
        let queue = self.server.conflicts.queue(&self.database);
        let _turn = queue.lock().await;
        let sql = "SELECT documentdb_api.drop_collection($1, $2)";
        let row = self.server.pool.row(sql, &[&self.database, &self.collection]).await?;
        if !row.get::<_, bool>(0) {
            return Err(Failure::new(NAMESPACE_NOT_FOUND, "ns not found"));
        }
        Ok(doc! { "ns": self.namespace(), "ok": 1.0 })
    }

    async fn drop_database(&self) -> Result<Document, Failure> {
        let queue = self.server.conflicts.queue(&self.database);
        let _turn = queue.lock().await;
        let sql = "SELECT documentdb_api.drop_database($1)";
        self.server.pool.row(sql, &[&self.database]).await?;
        Ok(doc! { "dropped": &self.database, "ok": 1.0 })
    }

    async fn list_databases(&self) -> Result<Document, Failure> {
        let sql = "SELECT documentdb_api.list_databases($1)";
        Ok(document(&self.server.pool.row(sql, &[&self.body]).await?, 0))
    }

    fn namespace(&self) -> String {
        format!("{}.{}", self.database, self.collection)
    }
}

/// A column; functions that have nothing to say give NULL.
fn document(row: &Row, column: impl tokio_postgres::row::RowIndex + std::fmt::Display) -> Document {
    let found: Option<Column> = row.get(column);
    found.map_or_else(|| doc! { "ok": 1.0 }, |found| found.0)
}

fn bad(message: &str) -> Failure {
    Failure::new(BAD_VALUE, message)
}
