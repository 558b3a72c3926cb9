//! Roles and words, in their tables.

use std::time::Duration;

use async_trait::async_trait;
use clipmill_core::Time;

use super::Sqlite;
use super::columns::{after, ms};
use crate::{Cluster, Result};

#[async_trait]
impl Cluster for Sqlite {
    async fn hold_role(&self, role: &str, node: &str, now: Time, lasts: Duration) -> Result<bool> {
        let (role, node) = (role.to_owned(), node.to_owned());
        self.write(move |inner| async move {
            let held = sqlx::query(
                "INSERT INTO roles (role, node, until) VALUES (?1, ?2, ?4)
                 ON CONFLICT (role) DO UPDATE SET node = ?2, until = ?4
                    WHERE node = ?2 OR until <= ?3",
            )
            .bind(role)
            .bind(node)
            .bind(ms(now))
            .bind(after(now, lasts))
            .execute(&inner.writer)
            .await?;
            Ok(held.rows_affected() > 0)
        })
        .await
    }

    async fn drop_role(&self, role: &str, node: &str) -> Result<()> {
        let (role, node) = (role.to_owned(), node.to_owned());
        self.write(move |inner| async move {
            sqlx::query("DELETE FROM roles WHERE role = ?1 AND node = ?2")
                .bind(role)
                .bind(node)
                .execute(&inner.writer)
                .await?;
            Ok(())
        })
        .await
    }

    async fn agree(&self, name: &str, word: &str) -> Result<String> {
        let (name, word) = (name.to_owned(), word.to_owned());
        self.write(move |inner| async move {
            // An update that changes nothing makes the statement answer the row.
            Ok(sqlx::query_scalar(
                "INSERT INTO words (name, word) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET word = word RETURNING word",
            )
            .bind(name)
            .bind(word)
            .fetch_one(&inner.writer)
            .await?)
        })
        .await
    }

    async fn replace_word(&self, name: &str, word: &str) -> Result<()> {
        let (name, word) = (name.to_owned(), word.to_owned());
        self.write(move |inner| async move {
            sqlx::query("INSERT OR REPLACE INTO words (name, word) VALUES (?1, ?2)")
                .bind(name)
                .bind(word)
                .execute(&inner.writer)
                .await?;
            Ok(())
        })
        .await
    }

    async fn time(&self) -> Result<Option<Time>> {
        Ok(None)
    }
}
