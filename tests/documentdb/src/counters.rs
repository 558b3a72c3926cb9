//! How many commands were served, by name: the part of `serverStatus` from which a test or a
//! benchmark computes what a client costs.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use bson::{DateTime, Document, doc};

/// Commands served since the start.
pub struct Counters {
    started: Instant,
    by_name: Mutex<BTreeMap<&'static str, i64>>,
}

impl Counters {
    /// All at zero.
    pub fn new() -> Self {
        Counters { started: Instant::now(), by_name: Mutex::default() }
    }

    /// Counts a command before it is carried out.
    pub fn count(&self, name: &'static str) {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        *by_name.entry(name).or_default() += 1;
    }

    /// The reply to `serverStatus`. Unlike MongoDB's, `opcounters` counts commands, not the
    /// documents that one command inserts or the statements in it.
    pub fn server_status(&self) -> Document {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut operations = doc! {
            "insert": 0_i64, "query": 0_i64, "update": 0_i64,
            "delete": 0_i64, "getmore": 0_i64, "command": 0_i64,
        };
        let mut commands = Document::new();
        for (name, total) in by_name {
            let operation = match name {
                "insert" | "update" | "delete" => name,
                "find" => "query",
                "getMore" => "getmore",
                _ => "command",
            };
            let before = operations.get_i64(operation).unwrap_or(0);
            operations.insert(operation, before + total);
            commands.insert(name, doc! { "total": total });
        }
        doc! {
            "process": "documentdb-gateway",
            "uptimeMillis": i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX),
            "localTime": DateTime::now(),
            "opcounters": operations,
            "metrics": { "commands": commands },
            "ok": 1.0,
        }
    }
}
