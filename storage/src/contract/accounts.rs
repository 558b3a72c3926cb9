//! What a backend must do for accounts and logins.

use async_trait::async_trait;
use clipmill_core::{Id, Time};

use crate::{LiveSession, NewUser, Registered, Result, Session, User};

/// Accounts.
#[async_trait]
pub trait Users {
    /// Makes an account.
    ///
    /// Behaviour:
    /// - `users_register_and_read_back`: the account is found by id and e-mail.
    /// - `users_email_is_unique_under_concurrency`: of 50 concurrent
    ///   registrations of one e-mail exactly one succeeds.
    async fn create_user(&self, new: NewUser) -> Result<Registered>;

    /// The account with this (lower-case) e-mail.
    async fn user_by_email(&self, email: &str) -> Result<Option<User>>;

    /// The account with this id.
    async fn user_by_id(&self, id: Id) -> Result<Option<User>>;

    /// Replaces the password and ends all of the user's sessions, as one step.
    /// Answers whether there is such a user.
    ///
    /// Behaviour:
    /// - `users_password_change_ends_all_sessions`: also those in the cache,
    ///   and no other user's.
    /// - `nodes_password_change_is_seen_at_once`: by every node.
    async fn set_password(&self, id: Id, password_hash: &str, now: Time) -> Result<bool>;

    /// Accounts by id ascending, after `after`, at most `limit`.
    ///
    /// Behaviour:
    /// - `users_list_pages_through_all`: pages joined are all accounts, once.
    async fn list_users(&self, after: Option<Id>, limit: u32) -> Result<Vec<User>>;
}

/// Logins.
#[async_trait]
pub trait Sessions {
    /// Opens a session.
    ///
    /// Behaviour:
    /// - `sessions_open_and_find`: its token finds it, with the user's e-mail.
    ///
    /// A login that checked the password reads the user again after this and
    /// closes the session when the hash has changed meanwhile; then a password
    /// change that ran beside the login ends that session too.
    async fn open_session(&self, session: Session) -> Result<()>;

    /// The session of this token, if it is valid at `now`.
    ///
    /// Behaviour:
    /// - `sessions_end_at_their_expiry`: at `expires_at` it is no longer
    ///   found, whatever the cache holds.
    /// - `sessions_unknown_token_is_none`
    async fn session(&self, token: &str, now: Time) -> Result<Option<LiveSession>>;

    /// Ends a session. Ending one that is not there succeeds.
    ///
    /// Behaviour:
    /// - `sessions_close_is_seen_at_once`: also when it was just read.
    /// - `nodes_session_end_is_seen_at_once`: by every node.
    async fn close_session(&self, token: &str) -> Result<()>;

    /// Removes sessions whose time is over; answers how many.
    ///
    /// Behaviour:
    /// - `sessions_purge_removes_only_expired`
    async fn purge_sessions(&self, now: Time) -> Result<u64>;
}
