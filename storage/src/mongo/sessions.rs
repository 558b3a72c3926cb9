//! Logins: the `sessions` collection, with Redis before it.
//!
//! Like the reference service, a document keeps the token itself. A session
//! that came from a backend that keeps hashes only has `sha256:` and the hash
//! in its place.

use std::fmt::Write as _;

use async_trait::async_trait;
use clipmill_core::{Id, Time};
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};

use super::backend::{Mongo, MongoInner};
use super::fields::{Fields, date, oid};
use super::redis::Cached;
use super::sessions_ended::{Ended, SESSIONS_ENDED, sessions_ended};
use crate::{KeptSession, LiveSession, Result, Session, Sessions, StorageError, token_hash};

/// Begins what stands in for a token.
const HASHED: &str = "sha256:";

#[async_trait]
impl Sessions for Mongo {
    async fn open_session(&self, session: Session) -> Result<()> {
        self.run(|inner| async move {
            let Some(ended) = sessions_ended(&inner, session.user_id).await? else {
                return Err(StorageError::Refused(
                    "the account of the session is not there".to_owned(),
                ));
            };
            let document = doc! {
                "_id": oid(session.id),
                "user_id": oid(session.user_id),
                "token": session.token,
                "created_at": date(session.created_at),
                "expires_at": date(session.expires_at),
                SESSIONS_ENDED: ended,
            };
            inner.sessions.insert_one(document).await?;
            Ok(())
        })
        .await
    }

    async fn session(&self, token: &str, now: Time) -> Result<Option<LiveSession>> {
        let cache = &self.inner.redis;
        let live = |session: LiveSession| (now < session.expires_at).then_some(session);
        let seen = match cache.session(token, now).await {
            Cached::Live { session, fresh: true, .. } => return Ok(live(session)),
            Cached::Live { seen, .. } => Some((seen, true)),
            Cached::Miss(seen) => Some((seen, false)),
            Cached::Unknown => None,
        };
        let filter = with_token(token);
        let found = self.run(move |inner| async move { valid(&inner, filter).await }).await?;
        match (&found, seen) {
            (Some(session), Some((seen, _))) => cache.remember(token, seen, session, now).await,
            // It ended behind the cache's back.
            (None, Some((_, true))) => cache.forget(&[token_hash(token)]).await,
            _ => {}
        }
        Ok(found.and_then(live))
    }

    async fn close_session(&self, token: &str) -> Result<()> {
        let (filter, hash) = (with_token(token), token_hash(token));
        self.run(move |inner| async move {
            inner.sessions.delete_one(filter).await?;
            inner.redis.forget(&[hash]).await;
            Ok(())
        })
        .await
    }

    async fn purge_sessions(&self, now: Time) -> Result<u64> {
        // The server's own index removes them too, about once a minute; what
        // Redis holds of them has ended by its own expiry.
        let over = doc! { "expires_at": { "$lte": date(now) } };
        self.run(move |inner| async move {
            let tokens = tokens(&inner, over.clone()).await?;
            let gone = inner.sessions.delete_many(over).await?.deleted_count;
            inner.redis.forget(&tokens).await;
            Ok(gone)
        })
        .await
    }
}

/// Ends all sessions of an account.
pub(super) async fn end_all(inner: &MongoInner, user: Id) -> Result<()> {
    let of_user = doc! { "user_id": oid(user) };
    let tokens = tokens(inner, of_user.clone()).await?;
    let deleted = inner.sessions.delete_many(of_user).await;
    inner.redis.forget(&tokens).await;
    deleted?;
    Ok(())
}

/// What stands for the tokens of the sessions that a filter finds. One without a
/// token was never in the cache.
async fn tokens(inner: &MongoInner, filter: Document) -> Result<Vec<[u8; 32]>> {
    let mut found = inner.sessions.find(filter).projection(doc! { "token": 1 }).await?;
    let mut hashes = Vec::new();
    while let Some(document) = found.try_next().await? {
        if let Ok(Some(kept)) = Fields(&document).text("token") {
            hashes.push(hash_of(&kept));
        }
    }
    Ok(hashes)
}

fn with_token(token: &str) -> Document {
    doc! { "token": { "$in": [token, hashed(&token_hash(token))] } }
}

fn hashed(hash: &[u8; 32]) -> String {
    let mut text = HASHED.to_owned();
    for byte in hash {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The hash of what a document keeps as its token.
fn hash_of(kept: &str) -> [u8; 32] {
    let digits = kept.strip_prefix(HASHED).filter(|digits| digits.len() == 64);
    let parse = |digits: &str| {
        let mut hash = [0; 32];
        for (place, byte) in hash.iter_mut().enumerate() {
            let pair = digits.get(2 * place..2 * place + 2)?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(hash)
    };
    digits.and_then(parse).unwrap_or_else(|| token_hash(kept))
}

/// The session that a filter finds, if no password change has ended it.
async fn valid(inner: &MongoInner, filter: Document) -> Result<Option<LiveSession>> {
    let Some(session) = inner.sessions.find_one(filter).await? else { return Ok(None) };
    let fields = Fields(&session);
    let user_id = fields.needed_id("user_id")?;
    let Some(user) = inner.users.find_one(doc! { "_id": oid(user_id) }).await? else {
        return Ok(None);
    };
    let user = Fields(&user);
    if !Ended::from_user(&user)?.spares(&fields)? {
        return Ok(None);
    }
    Ok(Some(LiveSession {
        id: fields.needed_id("_id")?,
        user_id,
        email: user.needed_text("email")?,
        expires_at: expiry(&fields)?,
    }))
}

fn expiry(session: &Fields<'_>) -> Result<Time> {
    session
        .time("expires_at")?
        .ok_or_else(|| StorageError::Corrupt("a session has no expires_at".to_owned()))
}

/// A session as another backend may have it.
pub(super) fn kept(session: &Fields<'_>) -> Result<KeptSession> {
    Ok(KeptSession {
        id: session.needed_id("_id")?,
        user_id: session.needed_id("user_id")?,
        token_hash: hash_of(&session.needed_text("token")?),
        created_at: session.made_at()?,
        expires_at: expiry(session)?,
    })
}

/// The document of a session that another backend had.
pub(super) fn kept_document(session: &KeptSession, ended: i64) -> Document {
    doc! {
        "_id": oid(session.id),
        "user_id": oid(session.user_id),
        "token": hashed(&session.token_hash),
        "created_at": date(session.created_at),
        "expires_at": date(session.expires_at),
        SESSIONS_ENDED: ended,
    }
}
