//! How far jobs are, readable from every node.

use clipmill_core::{Id, Progress};

use super::client::Redis;
use crate::ephemeral_memory::PROGRESS_TTL;

impl Redis {
    /// Remembers the progress of a job for one hour. While Redis is away this
    /// process does, so that at least the node that runs the job shows it.
    pub(in crate::mongo) async fn set_progress(&self, id: Id, progress: &Progress) {
        let written = match serde_json::to_vec(progress) {
            Ok(value) => {
                let mut set = ::redis::cmd("SET");
                set.arg(self.names.progress(id)).arg(value).arg("EX").arg(PROGRESS_TTL.as_secs());
                self.connection.call::<()>(&set).await.is_ok()
            }
            Err(_) => false,
        };
        if written {
            self.memory.clear_progress(id).await;
        } else {
            self.memory.set_progress(id, progress).await;
        }
    }

    /// The last progress of a job.
    pub(in crate::mongo) async fn progress(&self, id: Id) -> Option<Progress> {
        let mut get = ::redis::cmd("GET");
        get.arg(self.names.progress(id));
        match self.connection.call::<Option<Vec<u8>>>(&get).await {
            Ok(value) => serde_json::from_slice(&value?).ok(),
            Err(_) => self.memory.progress(id).await,
        }
    }

    /// Forgets the progress of a job.
    pub(in crate::mongo) async fn clear_progress(&self, id: Id) {
        self.memory.clear_progress(id).await;
        let mut delete = ::redis::cmd("DEL");
        delete.arg(self.names.progress(id));
        // One that stays is over in an hour; no client asks for it once the job has ended.
        self.connection.call::<()>(&delete).await.ok();
    }
}
