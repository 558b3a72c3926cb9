//! Whole records, in and out. What others keep in a document beside our fields
//! does not travel.

use std::collections::HashMap;

use async_trait::async_trait;
use clipmill_core::{Id, Time};
use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use mongodb::error::Error as DriverError;

use super::backend::{Mongo, MongoInner};
use super::error::is_duplicate;
use super::fields::{Fields, date, oid};
use super::sessions::{kept, kept_document};
use super::sessions_ended::{Ended, SESSIONS_ENDED, SESSIONS_ENDED_AT, sessions_ended};
use super::users;
use super::{readable, record};
use crate::{KeptSession, Put, Result, StorageError, Transfer, User, Video};

#[async_trait]
impl Transfer for Mongo {
    async fn sessions_after(
        &self,
        after: Option<Id>,
        now: Time,
        limit: u32,
    ) -> Result<Vec<KeptSession>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        self.run(move |inner| async move {
            let mut live = Vec::new();
            let mut last = after;
            // A page of which every session was ended is not the end of all.
            while live.is_empty() {
                let mut filter = since(last);
                filter.insert("expires_at", doc! { "$gt": date(now) });
                let found = inner.sessions.find(filter).sort(doc! { "_id": 1 });
                let page: Vec<Document> =
                    found.limit(i64::from(limit)).await?.try_collect().await?;
                let Some(end) = page.last() else { break };
                last = Some(Fields(end).needed_id("_id")?);
                live = still_valid(&inner, &page).await?;
            }
            Ok(live)
        })
        .await
    }

    async fn videos_after(&self, after: Option<Id>, limit: u32) -> Result<Vec<Video>> {
        self.find(since(after), doc! { "_id": 1 }, Some(limit)).await
    }

    async fn put_user(&self, user: &User) -> Result<Put> {
        let (id, document) = (user.id, users::document(user));
        self.run(move |inner| async move {
            match inner.users.insert_one(document).await {
                Ok(_) => Ok(Put::New),
                Err(error) => {
                    taken(&inner.users, id, error, "another account has this e-mail").await
                }
            }
        })
        .await
    }

    async fn put_session(&self, session: &KeptSession) -> Result<Put> {
        let session = session.clone();
        self.run(move |inner| async move {
            let Some(ended) = sessions_ended(&inner, session.user_id).await? else {
                return Ok(Put::Refused("its account is not there".to_owned()));
            };
            match inner.sessions.insert_one(kept_document(&session, ended)).await {
                Ok(_) => Ok(Put::New),
                Err(error) => {
                    taken(&inner.sessions, session.id, error, "another session has its token").await
                }
            }
        })
        .await
    }

    async fn put_video(&self, video: &Video) -> Result<Put> {
        let (id, document) = (video.id, record::document(video));
        self.run(move |inner| async move {
            match inner.videos.insert_one(document).await {
                Ok(_) => Ok(Put::New),
                Err(error) => taken(&inner.videos, id, error, "it contradicts another").await,
            }
        })
        .await
    }
}

/// Documents with larger ids; ids of other kinds were not made by the service.
fn since(after: Option<Id>) -> Document {
    match after {
        Some(id) => doc! { "_id": { "$gt": oid(id) } },
        None => doc! { "_id": { "$gte": ObjectId::from_bytes([0; 12]) } },
    }
}

/// What a refused insert means: the id is there, or another unique value is.
async fn taken(
    collection: &Collection<Document>,
    id: Id,
    error: DriverError,
    refusal: &str,
) -> Result<Put> {
    if !is_duplicate(&error) {
        return Err(StorageError::from(error));
    }
    let there = collection.find_one(doc! { "_id": oid(id) }).await?.is_some();
    Ok(if there { Put::There } else { Put::Refused(refusal.to_owned()) })
}

/// The sessions of a page that no password change has ended.
async fn still_valid(inner: &MongoInner, page: &[Document]) -> Result<Vec<KeptSession>> {
    let owner = |session: &Document| Fields(session).needed_id("user_id");
    let owners: Vec<_> = page.iter().flat_map(owner).map(oid).collect();
    let counts = doc! { SESSIONS_ENDED: 1, SESSIONS_ENDED_AT: 1 };
    let find = inner.users.find(doc! { "_id": { "$in": owners } }).projection(counts);
    let (mut found, mut accounts) = (find.await?, HashMap::new());
    while let Some(user) = found.try_next().await? {
        let fields = Fields(&user);
        accounts.insert(fields.needed_id("_id")?, Ended::from_user(&fields));
    }
    let mut live = Vec::new();
    for session in page {
        let fields = Fields(session);
        let read = || match accounts.get(&fields.needed_id("user_id")?) {
            Some(Ok(ended)) => ended.spares(&fields)?.then(|| kept(&fields)).transpose(),
            Some(Err(error)) => Err(StorageError::Corrupt(error.to_string())),
            None => Ok(None),
        };
        match read() {
            Ok(session) => live.extend(session),
            Err(error) => readable::left_out(&inner.sessions, session.get("_id"), &error),
        }
    }
    Ok(live)
}
