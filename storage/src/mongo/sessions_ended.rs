//! Ending all sessions of an account in one step, by a count in its document.

use clipmill_core::{Id, Time};
use mongodb::bson::doc;

use super::backend::MongoInner;
use super::fields::{Fields, oid};
use crate::Result;

/// How often all sessions of an account were ended. A session has the count of
/// its account at that time. Accounts that the reference service wrote have no
/// such field; it counts as 0 there.
pub(super) const SESSIONS_ENDED: &str = "sessions_ended";

/// When they last were. That ends the sessions without a count, which the
/// reference service opened.
pub(super) const SESSIONS_ENDED_AT: &str = "sessions_ended_at";

/// What an account says of its sessions.
pub(super) struct Ended {
    pub(super) count: i64,
    at: Option<Time>,
}

impl Ended {
    pub(super) fn from_user(user: &Fields<'_>) -> Result<Ended> {
        let count = user.count(SESSIONS_ENDED)?.cast_signed();
        Ok(Ended { count, at: user.time(SESSIONS_ENDED_AT)? })
    }

    /// Whether a session of the account was opened since.
    pub(super) fn spares(&self, session: &Fields<'_>) -> Result<bool> {
        match (session.number(SESSIONS_ENDED)?, self.at) {
            (Some(count), _) => Ok(count as i64 >= self.count),
            (None, Some(at)) => Ok(session.made_at()? > at),
            (None, None) => Ok(true),
        }
    }
}

/// The count of an account; none when there is no such account.
pub(super) async fn sessions_ended(inner: &MongoInner, id: Id) -> Result<Option<i64>> {
    let found = inner.users.find_one(doc! { "_id": oid(id) }).await?;
    found.as_ref().map(|user| Ok(Ended::from_user(&Fields(user))?.count)).transpose()
}
