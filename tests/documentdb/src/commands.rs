//! Carries out the commands about data: each is a call of one of DocumentDB's SQL functions.

use bson::{Bson, Document, doc};
use tokio_postgres::Row;

use crate::{
    command::Command,
    conflicts::MAX_ATTEMPTS,
    cursors::Cursor,
    errors::{
        BAD_VALUE, COMMAND_NOT_FOUND, Failure, NAMESPACE_NOT_FOUND, WRITE_CONFLICT,
        is_write_conflict, translate,
    },
    pool::{Column, Parameters},
    server::Server,
};

/// Carries out a command.
///
/// # Errors
/// What the client is told instead of a result.
pub async fn run(server: &Server, command: Command) -> Result<Document, Failure> {
    let Command { name, database, collection, body } = command;
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
        "count" => call.ask("SELECT * FROM documentdb_api.count_query($1, $2)").await,
        "distinct" => call.ask("SELECT * FROM documentdb_api.distinct_query($1, $2)").await,
        "listDatabases" => call.list_databases().await,

        "create" => call.alter("SELECT documentdb_api.create_collection_view($1, $2)").await,
        "createIndexes" => call.create_indexes().await,
        "dropIndexes" => call.alter("CALL documentdb_api.drop_indexes($1, $2)").await,
        "collMod" => call.modify_collection().await,
        "drop" => call.drop_collection().await,
        "dropDatabase" => call.drop_database().await,

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
    async fn row(&self, sql: &'static str, given: Parameters<'_>) -> Result<Row, Failure> {
        self.server.pool.row(sql, given).await
    }

    /// Runs a function of database and command that gives one document.
    async fn ask(&self, sql: &'static str) -> Result<Document, Failure> {
        let row = self.row(sql, &[&self.database, &self.body]).await?;
        document(&row)
    }

    /// The same for writes, which are tried again when others were writing.
    async fn write(&self, sql: &'static str) -> Result<Document, Failure> {
        let queue = self.server.conflicts.queue(&self.namespace());
        let mut turn = None;
        for _ in 1..MAX_ATTEMPTS {
            let result = self.ask(sql).await;
            let in_conflict = match &result {
                Ok(reply) => is_write_conflict(reply),
                Err(failure) => failure.code == WRITE_CONFLICT,
            };
            if !in_conflict {
                return result;
            }
            if turn.is_none() {
                turn = Some(queue.lock().await);
            }
        }
        self.ask(sql).await
    }

    /// Runs a query for its first page.
    async fn open(&self, sql: &'static str) -> Result<Document, Failure> {
        let row = self.row(sql, &[&self.database, &self.body]).await?;
        self.page(&row, self.database.clone())
    }

    async fn get_more(&self) -> Result<Document, Failure> {
        let id = self.body.0.get_i64("getMore").map_err(|_| bad("getMore wants a number"))?;
        let cursor = self.server.cursors.take(id)?;
        let sql = "SELECT * FROM documentdb_api.cursor_get_more($1, $2, $3)";
        let row = self.row(sql, &[&cursor.database, &self.body, &cursor.continuation]).await?;
        self.page(&row, cursor.database)
    }

    /// A page of results; unless it is the last one, remembers where the next one begins.
    fn page(&self, row: &Row, database: String) -> Result<Document, Failure> {
        let page = document(row)?;
        let id = page.get_document("cursor").and_then(|cursor| cursor.get_i64("id")).unwrap_or(0);
        let continuation: Option<Column> = row.try_get("continuation")?;
        if let Some(continuation) = continuation
            && id != 0
        {
            self.server.cursors.keep(id, Cursor { database, continuation })?;
        }
        Ok(page)
    }

    async fn kill_cursors(&self) -> Result<Document, Failure> {
        let ids = self.body.0.get_array("cursors").map_err(|_| bad("which cursors?"))?;
        let (killed, unknown): (Vec<i64>, Vec<i64>) = ids
            .iter()
            .filter_map(Bson::as_i64)
            .partition(|id| self.server.cursors.take(*id).is_ok());
        self.row("SELECT documentdb_api_internal.delete_cursors($1)", &[&killed]).await?;
        Ok(doc! {
            "cursorsKilled": killed, "cursorsNotFound": unknown,
            "cursorsAlive": [], "cursorsUnknown": [], "ok": 1.0,
        })
    }

    async fn list_databases(&self) -> Result<Document, Failure> {
        let sql = "SELECT documentdb_api.list_databases($1)";
        document(&self.row(sql, &[&self.body]).await?)
    }

    /// Like [`Call::ask`], one at a time in each database: changes of the schema don't repeat.
    async fn alter(&self, sql: &'static str) -> Result<Document, Failure> {
        let queue = self.server.conflicts.queue(&self.database);
        let _turn = queue.lock().await;
        self.ask(sql).await
    }

    async fn create_indexes(&self) -> Result<Document, Failure> {
        let sql = "SELECT documentdb_api_internal.create_indexes_non_concurrently($1, $2, true)";
        let reply = self.alter(sql).await?;
        // There may be several nodes below; this is what the one says.
        let node = reply.get_document("raw").and_then(|raw| raw.get_document("defaultShard"));
        Ok(node.cloned().map_or(reply, translate))
    }

    async fn modify_collection(&self) -> Result<Document, Failure> {
        let sql = "SELECT documentdb_api.coll_mod($1, $2, $3)";
        let row = self.row(sql, &[&self.database, &self.collection, &self.body]).await?;
        document(&row)
    }

    async fn drop_collection(&self) -> Result<Document, Failure> {
        let queue = self.server.conflicts.queue(&self.database);
        let _turn = queue.lock().await;
        let sql = "SELECT documentdb_api.drop_collection($1, $2)";
        let row = self.row(sql, &[&self.database, &self.collection]).await?;
        if !row.try_get::<_, bool>(0)? {
            return Err(Failure::new(NAMESPACE_NOT_FOUND, "ns not found"));
        }
        Ok(doc! { "ns": self.namespace(), "ok": 1.0 })
    }

    async fn drop_database(&self) -> Result<Document, Failure> {
        let queue = self.server.conflicts.queue(&self.database);
        let _turn = queue.lock().await;
        self.row("SELECT documentdb_api.drop_database($1)", &[&self.database]).await?;
        Ok(doc! { "dropped": &self.database, "ok": 1.0 })
    }

    fn namespace(&self) -> String {
        format!("{}.{}", self.database, self.collection)
    }
}

/// The reply in the first column; functions that have nothing to say give NULL.
fn document(row: &Row) -> Result<Document, Failure> {
    let found: Option<Column> = row.try_get(0)?;
    Ok(found.map_or_else(|| doc! { "ok": 1.0 }, |found| translate(found.0)))
}

fn bad(message: &str) -> Failure {
    Failure::new(BAD_VALUE, message)
}
