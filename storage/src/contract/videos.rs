//! What a backend must do for the records of clips and uploads.

use async_trait::async_trait;
use clipmill_core::{Id, Time};

use crate::{NewVideo, Page, Result, Video};

/// The records of clips and uploads.
///
/// Behaviour:
/// - `videos_unknown_fields_survive`: what another program keeps in a record stays
///   as it is, whichever call of this trait or of [`Queue`](crate::Queue) and [`Leases`](crate::Leases) changes the record.
#[async_trait]
pub trait Videos {
    /// Saves a record. It survives power loss from the moment this returns.
    ///
    /// Behaviour:
    /// - `videos_insert_and_read_back`: every field, for both origins.
    /// - `videos_insert_twice_is_refused`: the first record stays as it is.
    async fn insert_video(&self, new: NewVideo) -> Result<Video>;

    /// The record with this id.
    async fn video(&self, id: Id) -> Result<Option<Video>>;

    /// A user's records, newest first (by `created_at`, then id).
    ///
    /// Behaviour:
    /// - `videos_list_is_newest_first_and_only_ones_own`
    /// - `videos_paging_is_stable_under_inserts`: pages joined hold every
    ///   record that existed at the first page, once.
    /// - `videos_paging_goes_on_after_a_delete`: also of the cursor's record.
    async fn videos_of(&self, user: Id, page: Page) -> Result<Vec<Video>>;

    /// Writes the heights that a source offers. A missing record is no error.
    ///
    /// Behaviour:
    /// - `videos_available_formats_are_written`: and nothing else changes.
    async fn set_available_formats(&self, id: Id, formats: &[String]) -> Result<()>;

    /// Moves the expiry of a completed record; answers whether there is one.
    /// Any other record has its expiry from the call that saved or ended it.
    ///
    /// Behaviour:
    /// - `videos_set_expiry_moves_only_completed`
    async fn set_expiry(&self, id: Id, expires_at: Time) -> Result<bool>;

    /// Records whose `expires_at` is at or before `now` and that no worker works
    /// on, oldest first, at most `limit`.
    ///
    /// Behaviour:
    /// - `videos_expired_are_found_unless_active`: a record in the queue or
    ///   under lease is not among them.
    async fn expired_videos(&self, now: Time, limit: u32) -> Result<Vec<Video>>;

    /// Removes a record that is expired at `now` and that no worker works on;
    /// answers whether it did.
    ///
    /// Behaviour:
    /// - `videos_delete_expired_spares_the_living`: a record that was enqueued
    ///   again or whose expiry moved stays.
    async fn delete_expired_video(&self, id: Id, now: Time) -> Result<bool>;

    /// Removes a record whatever its state; answers the record that was there.
    ///
    /// Behaviour:
    /// - `videos_delete_returns_the_record`
    async fn delete_video(&self, id: Id) -> Result<Option<Video>>;
}
