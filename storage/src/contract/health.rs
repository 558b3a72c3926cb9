//! What a backend must tell of itself.

use async_trait::async_trait;

/// Whether the backend works.
#[async_trait]
pub trait Health {
    /// What is wrong now, in words, one entry a part; empty when all is well.
    ///
    /// Behaviour:
    /// - `health_of_a_working_backend_is_empty`
    async fn problems(&self) -> Vec<String>;

    /// Ends the connections after the calls under way.
    ///
    /// Behaviour:
    /// - `health_closed_backend_is_unavailable`: later calls say so at once.
    async fn close(&self);

    /// Name of the backend, for people.
    fn backend(&self) -> &'static str;
}
