//! What all connections share.

use std::path::Path;

use crate::{
    conflicts::Conflicts, counters::Counters, cursors::Cursors, errors::Failure, pool::Pool,
    scram::Credentials,
};

/// One gateway in front of one PostgreSQL server.
pub struct Server {
    /// PostgreSQL.
    pub pool: Pool,
    /// Half-read results.
    pub cursors: Cursors,
    /// What was served.
    pub counters: Counters,
    /// Who has to wait for whom.
    pub conflicts: Conflicts,
    /// Who may log in; everybody may do everything when this is `None`.
    pub credentials: Option<Credentials>,
}

impl Server {
    /// A server for the PostgreSQL that has its socket in `folder`.
    pub fn new(folder: &Path, credentials: Option<Credentials>) -> Self {
        Server {
            pool: Pool::new(folder),
            cursors: Cursors::default(),
            counters: Counters::new(),
            conflicts: Conflicts::default(),
            credentials,
        }
    }

    /// Asks the extension for its version, which proves that everything is there.
    ///
    /// # Errors
    /// When PostgreSQL can't be reached or lacks the extension.
    pub async fn check(&self) -> Result<(), Failure> {
        self.pool.row("SELECT documentdb_api.binary_version()", &[]).await.map(drop)
    }
}
