//! Accounts: the `users` collection.

use async_trait::async_trait;
use clipmill_core::{Id, Time};
use mongodb::bson::{Document, doc};

use super::backend::Mongo;
use super::error::is_duplicate;
use super::fields::{Fields, date, oid, whole};
use super::readable;
use super::sessions::end_all;
use super::sessions_ended::{SESSIONS_ENDED, SESSIONS_ENDED_AT};
use crate::{NewUser, Registered, Result, User, Users};

#[async_trait]
impl Users for Mongo {
    async fn create_user(&self, new: NewUser) -> Result<Registered> {
        self.run(|inner| async move {
            let now = whole(new.now)?;
            let user = User {
                id: Id::generate(now),
                email: new.email,
                password_hash: new.password_hash,
                created_at: now,
                updated_at: now,
            };
            match inner.users.insert_one(document(&user)).await {
                Ok(_) => Ok(Registered::New(user)),
                Err(error) if is_duplicate(&error) => Ok(Registered::EmailTaken),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    async fn user_by_email(&self, email: &str) -> Result<Option<User>> {
        self.one_user(doc! { "email": email }).await
    }

    async fn user_by_id(&self, id: Id) -> Result<Option<User>> {
        self.one_user(doc! { "_id": oid(id) }).await
    }

    async fn set_password(&self, id: Id, password_hash: &str, now: Time) -> Result<bool> {
        // Count and time make this one step: older sessions are no longer
        // valid, whatever becomes of their documents.
        let change = doc! {
            "$set": {
                "password_hash": password_hash, "updated_at": date(now), SESSIONS_ENDED_AT: date(now),
            },
            "$inc": { SESSIONS_ENDED: 1 },
        };
        self.run(move |inner| async move {
            let changed = inner.users.update_one(doc! { "_id": oid(id) }, change).await?;
            if changed.matched_count == 0 {
                return Ok(false);
            }
            if let Err(error) = end_all(&inner, id).await {
                tracing::warn!(%error, "ended sessions were not removed; they expire");
            }
            Ok(true)
        })
        .await
    }

    async fn list_users(&self, after: Option<Id>, limit: u32) -> Result<Vec<User>> {
        let filter = match after {
            Some(id) => doc! { "_id": { "$gt": oid(id) } },
            None => doc! {},
        };
        self.run(move |inner| async move {
            let by_id = doc! { "_id": 1 };
            readable::find(&inner.users, filter, by_id, Some(limit), user).await
        })
        .await
    }
}

impl Mongo {
    async fn one_user(&self, filter: Document) -> Result<Option<User>> {
        self.run(move |inner| async move {
            inner.users.find_one(filter).await?.as_ref().map(user).transpose()
        })
        .await
    }
}

/// An account from its document.
pub(super) fn user(document: &Document) -> Result<User> {
    let fields = Fields(document);
    let created_at = fields.made_at()?;
    Ok(User {
        id: fields.needed_id("_id")?,
        email: fields.needed_text("email")?,
        password_hash: fields.needed_text("password_hash")?,
        created_at,
        updated_at: fields.time("updated_at")?.unwrap_or(created_at),
    })
}

/// The document of an account.
pub(super) fn document(user: &User) -> Document {
    doc! {
        "_id": oid(user.id),
        "email": &user.email,
        "password_hash": &user.password_hash,
        "created_at": date(user.created_at),
        "updated_at": date(user.updated_at),
    }
}
