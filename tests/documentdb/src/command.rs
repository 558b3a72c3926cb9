//! What a client asks for: the command, and which of its arguments are for whom.

use bson::Document;

use crate::errors::{COMMAND_NOT_FOUND, Failure, ILLEGAL_OPERATION};

/// The commands that this server knows. Clients may write them in any case.
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
    "isMaster",
    "killCursors",
    "listCollections",
    "listDatabases",
    "listIndexes",
    "ping",
    "saslContinue",
    "saslStart",
    "serverStatus",
    "update",
];

/// Arguments that would make a command part of a transaction or of a write that may come twice.
const TRANSACTION: &[&str] = &["autocommit", "startTransaction", "txnNumber"];

/// Arguments that DocumentDB doesn't know. They ask for nothing here: there is one node, and it
/// answers after it has written.
const FOR_CLUSTERS: &[&str] = &[
    "$clusterTime",
    "$db",
    "$readPreference",
    "apiDeprecationErrors",
    "apiStrict",
    "apiVersion",
    "lsid",
    "readConcern",
    "writeConcern",
];

/// A request for one command.
#[derive(Debug)]
pub struct Command {
    /// As it is written in the manual.
    pub name: &'static str,
    /// The database that it is for.
    pub database: String,
    /// The value of the command's name: for most, the collection.
    pub collection: String,
    /// The command with the arguments that DocumentDB knows.
    pub body: Document,
}

impl Command {
    /// Recognises a command by the first name in the document.
    ///
    /// # Errors
    /// When it is none of this server's, or belongs to a transaction.
    pub fn parse(mut body: Document) -> Result<Self, Failure> {
        let (asked, value) = body.iter().next().unzip();
        let asked = asked.map_or("", String::as_str);
        let name = NAMES.iter().find(|name| name.eq_ignore_ascii_case(asked)).ok_or_else(|| {
            Failure::new(COMMAND_NOT_FOUND, format!("no such command: '{asked}'"))
        })?;
        if TRANSACTION.iter().any(|argument| body.contains_key(argument)) {
            return Err(Failure::new(ILLEGAL_OPERATION, "this server has no transactions"));
        }
        let collection = value.and_then(bson::Bson::as_str).unwrap_or_default().to_owned();
        let database = body.get_str("$db").unwrap_or("admin").to_owned();
        for argument in FOR_CLUSTERS {
            body.remove(argument);
        }
        Ok(Command { name, database, collection, body })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bson::doc;

    use super::*;

    #[test]
    fn a_command_is_recognised_in_any_case_and_loses_what_is_for_clusters() {
        let body = doc! {
            "findandmodify": "videos", "query": {}, "$db": "clipmill",
            "lsid": { "id": 1 }, "writeConcern": { "w": "majority" },
        };
        let command = Command::parse(body).unwrap();
        assert_eq!(command.name, "findAndModify");
        assert_eq!((&*command.database, &*command.collection), ("clipmill", "videos"));
        assert_eq!(command.body, doc! { "findandmodify": "videos", "query": {} });
    }

    #[test]
    fn what_this_server_cannot_do_is_refused() {
        let code = |body| Command::parse(body).unwrap_err().code;
        assert_eq!(code(doc! {}), COMMAND_NOT_FOUND);
        assert_eq!(code(doc! { "commitTransaction": 1 }), COMMAND_NOT_FOUND);
        let begins = doc! { "insert": "videos", "txnNumber": 1_i64, "startTransaction": true };
        assert_eq!(code(begins), ILLEGAL_OPERATION);
    }
}
