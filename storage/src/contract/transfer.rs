//! What a backend must do for moves to another.

use async_trait::async_trait;
use clipmill_core::{Id, Time};

use crate::{KeptSession, Put, Result, User, Video};

/// Moving records from one backend to another, as they are. What is there
/// already is never changed, so that a move can be repeated.
#[async_trait]
pub trait Transfer {
    /// Sessions that are valid at `now`, by id ascending, after `after`, at
    /// most `limit`.
    ///
    /// Behaviour:
    /// - `transfer_reads_all_live_sessions`
    async fn sessions_after(
        &self,
        after: Option<Id>,
        now: Time,
        limit: u32,
    ) -> Result<Vec<KeptSession>>;

    /// Records by id ascending, after `after`, at most `limit`.
    ///
    /// Behaviour:
    /// - `transfer_reads_all_videos`: of all users, in every state.
    async fn videos_after(&self, after: Option<Id>, limit: u32) -> Result<Vec<Video>>;

    /// Writes an account.
    ///
    /// Behaviour:
    /// - `transfer_writes_a_user_once`: with id and password; one whose e-mail
    ///   another account has is refused.
    async fn put_user(&self, user: &User) -> Result<Put>;

    /// Writes a session; its token, which only its owner has, is good from then on.
    ///
    /// Behaviour:
    /// - `transfer_writes_a_session_once`: one of an account that is not there
    ///   is refused.
    async fn put_session(&self, session: &KeptSession) -> Result<Put>;

    /// Writes a record with all that belongs to it, its work included.
    ///
    /// Behaviour:
    /// - `transfer_writes_a_video_once`: in every state, field by field.
    async fn put_video(&self, video: &Video) -> Result<Put>;
}
