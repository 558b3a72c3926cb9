//! Accounts.

use async_trait::async_trait;
use clipmill_core::{Id, Time};

use super::bytes::BlobId;
use super::columns::{ms, time, user};
use super::{Sqlite, within};
use crate::{NewUser, Registered, Result, User, Users};

#[async_trait]
impl Users for Sqlite {
    async fn create_user(&self, new: NewUser) -> Result<Registered> {
        self.write(|inner| async move {
            let now = time(ms(new.now))?;
            let user = User {
                id: Id::generate(now),
                email: new.email,
                password_hash: new.password_hash,
                created_at: now,
                updated_at: now,
            };
            let made = sqlx::query(
                "INSERT INTO users (id, email, password_hash, created_at, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT (email) DO NOTHING",
            )
            .bind(BlobId(user.id))
            .bind(&user.email)
            .bind(&user.password_hash)
            .bind(ms(now))
            .execute(&inner.writer)
            .await?;
            Ok(match made.rows_affected() {
                0 => Registered::EmailTaken,
                _ => Registered::New(user),
            })
        })
        .await
    }

    async fn user_by_email(&self, email: &str) -> Result<Option<User>> {
        within(async {
            sqlx::query("SELECT * FROM users WHERE email = ?1")
                .bind(email)
                .fetch_optional(&self.inner.readers)
                .await?
                .as_ref()
                .map(user)
                .transpose()
        })
        .await
    }

    async fn user_by_id(&self, id: Id) -> Result<Option<User>> {
        within(async {
            sqlx::query("SELECT * FROM users WHERE id = ?1")
                .bind(BlobId(id))
                .fetch_optional(&self.inner.readers)
                .await?
                .as_ref()
                .map(user)
                .transpose()
        })
        .await
    }

    async fn set_password(&self, id: Id, password_hash: &str, now: Time) -> Result<bool> {
        let password_hash = password_hash.to_owned();
        self.write(move |inner| async move {
            let mut tx = inner.begin().await?;
            let changed =
                sqlx::query("UPDATE users SET password_hash = ?2, updated_at = ?3 WHERE id = ?1")
                    .bind(BlobId(id))
                    .bind(password_hash)
                    .bind(ms(now))
                    .execute(&mut *tx)
                    .await?
                    .rows_affected();
            let ended: Vec<Vec<u8>> =
                sqlx::query_scalar("DELETE FROM sessions WHERE user_id = ?1 RETURNING token_hash")
                    .bind(BlobId(id))
                    .fetch_all(&mut *tx)
                    .await?;
            tx.commit().await?;
            for token_hash in ended {
                inner.sessions.outdate(&token_hash);
            }
            Ok(changed > 0)
        })
        .await
    }

    async fn list_users(&self, after: Option<Id>, limit: u32) -> Result<Vec<User>> {
        within(async {
            sqlx::query("SELECT * FROM users WHERE id > coalesce(?1, x'') ORDER BY id LIMIT ?2")
                .bind(after.map(BlobId))
                .bind(limit)
                .fetch_all(&self.inner.readers)
                .await?
                .iter()
                .map(user)
                .collect()
        })
        .await
    }
}
