//! A cache of sessions that never revives one that ended.
//!
//! A call that ends a session first removes it from the database and then marks its
//! key, and the mark stands for longer than any read of the database takes. A
//! reader who was overtaken finds the mark, or something else than it has seen
//! before, and writes nothing. When Redis can't be told, an entry lives on until
//! it is [`FRESH`] no longer; then its reader asks the database.

use std::time::Duration;

use chrono::DateTime;
use clipmill_core::{Id, Time};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};

use super::client::Redis;
use super::commands::replace;
use super::pending_invalidations::{ENDED, mark};
use crate::{LiveSession, token_hash};

/// How long an entry is kept, at most, as the reference service does.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long an entry is believed without asking the database again.
const FRESH: Duration = Duration::from_secs(5);

/// Marks that are on their way at once.
const MARKS: usize = 64;

/// What Redis knows of a token.
#[derive(Debug)]
pub(in crate::mongo) enum Cached {
    /// Nothing of use. What the database answers may be remembered.
    Miss(Seen),
    /// A session that was valid when the database was last asked. Whether it
    /// has expired since is for the caller to say.
    Live {
        session: LiveSession,
        /// Asked a moment ago. If not, the caller asks again, and then
        /// remembers the session or forgets the token.
        fresh: bool,
        seen: Seen,
    },
    /// It ended just now, or Redis is away: only the database knows, and its
    /// answer is not to be remembered.
    Unknown,
}

/// What stood in Redis when it was read: only that may be replaced.
#[derive(Debug)]
pub(in crate::mongo) struct Seen(Option<Vec<u8>>);

/// A value. The reference service writes and reads the first two fields. Times
/// are milliseconds since 1970.
#[derive(Serialize, Deserialize)]
struct Entry {
    user_id: Id,
    email: String,
    session_id: Id,
    expires_at: i64,
    /// When the database last confirmed it.
    checked_at: i64,
}

impl Redis {
    /// What is known of a token at `now`.
    pub(in crate::mongo) async fn session(&self, token: &str, now: Time) -> Cached {
        let mut get = ::redis::cmd("GET");
        get.arg(self.names.session(&token_hash(token)));
        match self.connection.call::<Option<Vec<u8>>>(&get).await {
            Ok(Some(value)) if value == ENDED => Cached::Unknown,
            Ok(Some(value)) => match read(&value, now) {
                Some((session, fresh)) => Cached::Live { session, fresh, seen: Seen(Some(value)) },
                // The reference service's entries say too little.
                None => Cached::Miss(Seen(Some(value))),
            },
            Ok(None) => Cached::Miss(Seen(None)),
            Err(_) => Cached::Unknown,
        }
    }

    /// Keeps a session that the database confirmed at `now`, unless something
    /// else happened to its key since it was seen.
    pub(in crate::mongo) async fn remember(
        &self,
        token: &str,
        seen: Seen,
        session: &LiveSession,
        now: Time,
    ) {
        // One that has expired has no time left.
        let Ok(left) = (session.expires_at - now).to_std() else { return };
        let lasts = u64::try_from(left.min(KEPT).as_millis()).unwrap_or_default();
        let entry = Entry {
            user_id: session.user_id,
            email: session.email.clone(),
            session_id: session.id,
            expires_at: session.expires_at.timestamp_millis(),
            checked_at: now.timestamp_millis(),
        };
        let Ok(value) = serde_json::to_vec(&entry) else { return };
        if lasts == 0 {
            return;
        }
        let key = self.names.session(&token_hash(token));
        let command = match seen.0 {
            Some(seen) => replace(&key, &seen, &value, lasts),
            None => {
                let mut set = ::redis::cmd("SET");
                set.arg(key).arg(value).arg("NX").arg("PX").arg(lasts);
                set
            }
        };
        // Not kept, it costs the next reader a query.
        self.connection.call::<()>(&command).await.ok();
    }

    /// Marks tokens as ended. Must be called after the database forgot them and
    /// before its caller gets an answer. It goes on when the caller stops waiting; what
    /// Redis can't be told now, it is told before it is read from again.
    pub(in crate::mongo) async fn forget(&self, token_hashes: &[[u8; 32]]) {
        let keys: Vec<_> = token_hashes.iter().map(|hash| self.names.session(hash)).collect();
        let connection = self.connection.clone();
        let marking = tokio::spawn(async move {
            let marks = keys.into_iter().map(async |key| {
                let marked = connection.call::<()>(&mark(&key)).await;
                marked.is_err().then_some(key)
            });
            let late: Vec<_> =
                futures_util::stream::iter(marks).buffer_unordered(MARKS).collect().await;
            connection.mark_later(late.into_iter().flatten()).await;
        });
        // It ends early only with the process.
        marking.await.ok();
    }
}

/// An entry of ours, and whether it was confirmed a moment ago. One from a clock
/// that goes ahead was not.
fn read(value: &[u8], now: Time) -> Option<(LiveSession, bool)> {
    let entry: Entry = serde_json::from_slice(value).ok()?;
    let session = LiveSession {
        id: entry.session_id,
        user_id: entry.user_id,
        email: entry.email,
        expires_at: DateTime::from_timestamp_millis(entry.expires_at)?,
    };
    let age = now - DateTime::from_timestamp_millis(entry.checked_at)?;
    Some((session, age.to_std().is_ok_and(|age| age < FRESH)))
}
