//! Whether both servers answer.

use std::time::Duration;

use async_trait::async_trait;
use mongodb::bson::doc;

use super::backend::Mongo;
use crate::{Health, Result, StorageError};

/// A load balancer that asks doesn't wait longer.
const PATIENCE: Duration = Duration::from_secs(3);

#[async_trait]
impl Health for Mongo {
    async fn problems(&self) -> Vec<String> {
        let mongo = match tokio::time::timeout(PATIENCE, self.can_write()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("MongoDB: {error}")),
            Err(_) => Some(format!("MongoDB: no answer within {} s", PATIENCE.as_secs())),
        };
        let redis = self.inner.redis.problem().await;
        [mongo, redis].into_iter().flatten().collect()
    }

    async fn close(&self) {
        let end = self.inner.client.clone().shutdown().immediate(true);
        if tokio::time::timeout(Duration::from_secs(2), end).await.is_err() {
            tracing::debug!("connections to MongoDB were left to the system");
        }
    }

    fn backend(&self) -> &'static str {
        "mongodb"
    }
}

impl Mongo {
    /// A ping would be answered by a server that can't write.
    async fn can_write(&self) -> Result<()> {
        self.run(|inner| async move {
            let hello = inner.database.run_command(doc! { "hello": 1 }).await?;
            match hello.get_bool("isWritablePrimary") {
                Ok(false) => {
                    Err(StorageError::Unavailable("the server is no primary now".to_owned()))
                }
                _ => Ok(()),
            }
        })
        .await
    }
}
