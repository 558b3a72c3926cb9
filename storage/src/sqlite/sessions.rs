//! Logins. Neither the file nor the cache holds a token, only its SHA-256.

use async_trait::async_trait;
use clipmill_core::Time;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::bytes::BlobId;
use super::columns::{ms, time};
use super::fresh::Fresh;
use super::{CACHE_TTL, Sqlite, within};
use crate::{LiveSession, Result, Session, Sessions, token_hash};

/// Sessions that the cache holds; one takes about 400 bytes.
const CACHED_SESSIONS: u64 = 5_000;

/// An empty cache of sessions by the hash of their token.
pub(super) fn cache() -> Fresh<Vec<u8>, LiveSession> {
    Fresh::new(CACHED_SESSIONS, CACHE_TTL)
}

fn hash(token: &str) -> Vec<u8> {
    token_hash(token).to_vec()
}

#[async_trait]
impl Sessions for Sqlite {
    async fn open_session(&self, session: Session) -> Result<()> {
        self.write(|inner| async move {
            sqlx::query(
                "INSERT INTO sessions (token_hash, id, user_id, created_at, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .bind(hash(&session.token))
            .bind(BlobId(session.id))
            .bind(BlobId(session.user_id))
            .bind(ms(session.created_at))
            .bind(ms(session.expires_at))
            .execute(&inner.writer)
            .await?;
            Ok(())
        })
        .await
    }

    async fn session(&self, token: &str, now: Time) -> Result<Option<LiveSession>> {
        let key = hash(token);
        let live = |session: LiveSession| (now < session.expires_at).then_some(session);
        let since = match self.inner.sessions.get(&key).await {
            Ok(session) => return Ok(live(session)),
            Err(since) => since,
        };
        let row = within(async {
            Ok(sqlx::query(
                "SELECT sessions.id, user_id, email, expires_at
                 FROM sessions JOIN users ON users.id = user_id WHERE token_hash = ?1",
            )
            .bind(&key)
            .fetch_optional(&self.inner.readers)
            .await?)
        })
        .await?;
        let Some(session) = row.as_ref().map(read).transpose()? else {
            return Ok(None);
        };
        self.inner.sessions.put(key, since, session.clone()).await;
        Ok(live(session))
    }

    async fn close_session(&self, token: &str) -> Result<()> {
        let key = hash(token);
        self.write(|inner| async move {
            sqlx::query("DELETE FROM sessions WHERE token_hash = ?1")
                .bind(&key)
                .execute(&inner.writer)
                .await?;
            inner.sessions.outdate(&key);
            Ok(())
        })
        .await
    }

    async fn purge_sessions(&self, now: Time) -> Result<u64> {
        self.write(move |inner| async move {
            let gone = sqlx::query("DELETE FROM sessions WHERE expires_at <= ?1")
                .bind(ms(now))
                .execute(&inner.writer)
                .await?
                .rows_affected();
            if gone > 0 {
                inner.sessions.outdate_all();
            }
            Ok(gone)
        })
        .await
    }
}

fn read(row: &SqliteRow) -> Result<LiveSession> {
    Ok(LiveSession {
        id: row.try_get::<BlobId, _>("id")?.0,
        user_id: row.try_get::<BlobId, _>("user_id")?.0,
        email: row.try_get("email")?,
        expires_at: time(row.try_get("expires_at")?)?,
    })
}
