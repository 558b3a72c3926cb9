//! What a backend must do for daemons that share it.

use std::time::Duration;

use async_trait::async_trait;
use clipmill_core::Time;

use crate::Result;

/// What the daemons that share a backend agree on.
#[async_trait]
pub trait Cluster {
    /// Takes a role (`sweeper`) for a node until `now + lasts`, or prolongs it;
    /// answers whether the node has it now.
    ///
    /// Behaviour:
    /// - `cluster_role_has_one_holder`: of 8 nodes that ask at once one.
    /// - `cluster_role_is_kept_and_taken_over`: by its holder as long as it
    ///   asks in time, by another when the time is over.
    async fn hold_role(&self, role: &str, node: &str, now: Time, lasts: Duration) -> Result<bool>;

    /// Gives a role up, if the node has it.
    ///
    /// Behaviour:
    /// - `cluster_role_given_up_is_free`: and only its holder can.
    async fn drop_role(&self, role: &str, node: &str) -> Result<()>;

    /// Writes a word under a name unless there is one; answers the word that is
    /// there now.
    ///
    /// Behaviour:
    /// - `cluster_first_word_stays`: of 20 that come at once, and for good.
    async fn agree(&self, name: &str, word: &str) -> Result<String>;

    /// Replaces the word under a name.
    ///
    /// Behaviour:
    /// - `cluster_word_is_replaced`
    async fn replace_word(&self, name: &str, word: &str) -> Result<()>;

    /// The clock that all daemons of this backend go by; none when there is
    /// only one daemon, whose own clock will do.
    ///
    /// Behaviour:
    /// - `cluster_time_does_not_stand_still`
    async fn time(&self) -> Result<Option<Time>>;
}
