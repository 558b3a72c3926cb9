//! Rate limits.

use std::time::Duration;

use super::call::Call;
use super::client::counter_name;
use super::error::ApiError;

/// Limits are per minute.
const WINDOW: Duration = Duration::from_secs(60);

impl Call {
    /// Counts this request for the client's address; 429 above `limit`, 0 for
    /// no limit.
    ///
    /// # Errors
    /// 429
    pub async fn limit_client(&self, kind: &str, limit: u32) -> Result<(), ApiError> {
        self.limit(kind, &counter_name(self.client), limit).await
    }

    /// Counts this request for whatever `who` is; 429 above `limit`, 0 for no
    /// limit.
    ///
    /// # Errors
    /// 429
    pub async fn limit(&self, kind: &str, who: &str, limit: u32) -> Result<(), ApiError> {
        if limit == 0 {
            return Ok(());
        }
        let key = format!("{kind}:{who}");
        match self.app.storage.count(&key, WINDOW, self.received).await {
            Ok(count) if count > u64::from(limit) => {
                let over = self.received.timestamp().rem_euclid(60);
                Err(ApiError::rate_limited(60u64.saturating_sub(over.unsigned_abs()).max(1)))
            }
            Ok(_) => Ok(()),
            // Counters may be lost; requests go on without them.
            Err(error) => {
                tracing::warn!(%error, "a request could not be counted");
                Ok(())
            }
        }
    }
}
