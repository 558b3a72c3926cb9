//! What the daemons agree on: the `clipmill_cluster` collection, which holds
//! roles with their holders, and words under names.

use std::time::Duration;

use async_trait::async_trait;
use clipmill_core::Time;
use mongodb::bson::doc;

use super::backend::Mongo;
use super::error::is_duplicate;
use super::fields::{Fields, after, date};
use crate::{Cluster, Result, StorageError};

fn role_id(role: &str) -> String {
    format!("role:{role}")
}

fn word_id(name: &str) -> String {
    format!("word:{name}")
}

#[async_trait]
impl Cluster for Mongo {
    async fn hold_role(&self, role: &str, node: &str, now: Time, lasts: Duration) -> Result<bool> {
        let until = after(now, lasts);
        let mine_or_over = doc! {
            "_id": role_id(role),
            "$or": [{ "node": node }, { "until": { "$lte": date(now) } }],
        };
        let change = doc! { "$set": { "node": node, "until": until } };
        let first = doc! { "_id": role_id(role), "node": node, "until": until };
        self.run(move |inner| async move {
            if inner.cluster.update_one(mine_or_over, change).await?.matched_count > 0 {
                return Ok(true);
            }
            match inner.cluster.insert_one(first).await {
                Ok(_) => Ok(true),
                Err(error) if is_duplicate(&error) => Ok(false),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    async fn drop_role(&self, role: &str, node: &str) -> Result<()> {
        let mine = doc! { "_id": role_id(role), "node": node };
        self.run(move |inner| async move {
            inner.cluster.delete_one(mine).await?;
            Ok(())
        })
        .await
    }

    async fn agree(&self, name: &str, word: &str) -> Result<String> {
        let (id, word) = (word_id(name), word.to_owned());
        self.run(move |inner| async move {
            match inner.cluster.insert_one(doc! { "_id": &id, "word": &word }).await {
                Ok(_) => return Ok(word),
                Err(error) if is_duplicate(&error) => {}
                Err(error) => return Err(error.into()),
            }
            let found = inner.cluster.find_one(doc! { "_id": &id }).await?;
            match found {
                Some(found) => Fields(&found).needed_text("word"),
                None => Err(StorageError::Unavailable(format!("{id} was removed right now"))),
            }
        })
        .await
    }

    async fn replace_word(&self, name: &str, word: &str) -> Result<()> {
        let this = doc! { "_id": word_id(name) };
        let change = doc! { "$set": { "word": word } };
        self.run(move |inner| async move {
            inner.cluster.update_one(this, change).upsert(true).await?;
            Ok(())
        })
        .await
    }

    async fn time(&self) -> Result<Option<Time>> {
        self.run(|inner| async move {
            let hello = inner.database.run_command(doc! { "hello": 1 }).await?;
            Fields(&hello).time("localTime")
        })
        .await
    }
}
