//! The names of keys and channels. Those of sessions and progress are the
//! reference service's.

use clipmill_core::Id;
use sha2::{Digest, Sha256};

use crate::ephemeral_memory::Window;

#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
    database: i64,
}

impl Names {
    pub(super) fn new(prefix: &str, database: i64) -> Names {
        Names { prefix: prefix.to_owned(), database }
    }

    /// Of a session; it tells nothing of the token.
    pub(super) fn session(&self, token_hash: &[u8; 32]) -> String {
        format!("{}session:{}", self.prefix, hex(token_hash))
    }

    pub(super) fn progress(&self, id: Id) -> String {
        format!("{}progress:{id}", self.prefix)
    }

    /// Of a counter. What it counts may be long, strange or a person's address,
    /// so only a hash of that is shown.
    pub(super) fn count(&self, window: &Window) -> String {
        let Window { key, length, number } = window;
        let key = hex(&Sha256::digest(key.as_bytes()));
        format!("{}clipmill:count:{key}:{length}:{number}", self.prefix)
    }

    /// Of the wake-up. A channel is the same in every database of a Redis, and
    /// those may belong to different deployments.
    pub(super) fn wake(&self) -> String {
        format!("{}clipmill:wake:{}", self.prefix, self.database)
    }

    /// A session, a progress and a counter that no user has.
    pub(super) fn preflight(&self) -> [String; 3] {
        ["session", "progress", "clipmill:count"]
            .map(|kind| format!("{}{kind}:preflight", self.prefix))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
