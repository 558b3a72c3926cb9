//! `clipmill migrate`: copies users, live sessions and videos from one database
//! to another. What is there already stays as it is, so it can be run again.
//!
//! Records only: files stay where they are, and both daemons must find them
//! there.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clipmill_core::{Id, Time};
use clipmill_storage::{Mongo, MongoSettings, Put, Sqlite, Storage};
use serde::Serialize;

use super::arguments::MigrateArguments;
use super::error::CommandError;
use crate::config::Config;
use crate::telemetry::init_logging;

/// Records that one query returns.
const PAGE: u32 = 200;

/// What became of the records of one kind.
#[derive(Debug, Default, Serialize)]
struct Count {
    copied: u64,
    there_already: u64,
    refused: u64,
}

/// Runs the command.
pub async fn run(config: &Config, command: MigrateArguments) -> Result<(), CommandError> {
    if command.from == command.to {
        return Err(CommandError::usage("--from and --to are the same database"));
    }
    // Records that can't be read are left out; the log names them.
    init_logging(&config.log)?;
    let from = open(config, &command.from, Side::From).await?;
    let to = open(config, &command.to, Side::To).await?;
    let copied = copy(&*from, &*to, command.json).await;
    from.close().await;
    to.close().await;
    copied
}

/// Users first: where one is refused, so is what belongs to it.
async fn copy(from: &dyn Storage, to: &dyn Storage, json: bool) -> Result<(), CommandError> {
    let Users { count: users, refused: refused_users } = users(from, to).await?;
    let sessions = sessions(from, to, chrono::Utc::now()).await?;
    let videos = videos(from, to, &refused_users).await?;
    let counts = [("users", users), ("sessions", sessions), ("videos", videos)];
    let refused: u64 = counts.iter().map(|(_, count)| count.refused).sum();
    if json {
        println!("{}", serde_json::json!(std::collections::BTreeMap::from(counts)));
    } else {
        for (kind, Count { copied, there_already, refused }) in counts {
            println!("{kind:<9} {copied} copied, {there_already} there already, {refused} refused");
        }
    }
    if refused == 0 {
        return Ok(());
    }
    Err(CommandError::other(format!("{refused} records were refused; see above for why")))
}

/// What became of the users.
#[derive(Default)]
struct Users {
    count: Count,
    refused: HashSet<Id>,
}

async fn users(from: &dyn Storage, to: &dyn Storage) -> Result<Users, CommandError> {
    let mut users = Users::default();
    let mut after = None;
    loop {
        let page = from.list_users(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(users) };
        after = Some(last.id);
        for user in page {
            let put = to.put_user(&user).await?;
            if matches!(put, Put::Refused(_)) {
                users.refused.insert(user.id);
            }
            users.count.add("user", user.id, put);
        }
    }
}

async fn sessions(from: &dyn Storage, to: &dyn Storage, now: Time) -> Result<Count, CommandError> {
    let mut count = Count::default();
    let mut after = None;
    loop {
        let page = from.sessions_after(after, now, PAGE).await?;
        let Some(last) = page.last() else { return Ok(count) };
        after = Some(last.id);
        for session in page {
            count.add("session", session.id, to.put_session(&session).await?);
        }
    }
}

async fn videos(
    from: &dyn Storage,
    to: &dyn Storage,
    refused_users: &HashSet<Id>,
) -> Result<Count, CommandError> {
    let mut count = Count::default();
    let mut after = None;
    loop {
        let page = from.videos_after(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(count) };
        after = Some(last.id);
        for video in page {
            let put = if refused_users.contains(&video.user_id) {
                Put::Refused("its account was refused".to_owned())
            } else {
                to.put_video(&video).await?
            };
            count.add("video", video.id, put);
        }
    }
}

impl Count {
    fn add(&mut self, kind: &str, id: Id, put: Put) {
        match put {
            Put::New => self.copied += 1,
            Put::There => self.there_already += 1,
            Put::Refused(why) => {
                self.refused += 1;
                eprintln!("{kind} {id} was refused: {why}");
            }
        }
    }
}

/// Which end of the move a database is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    From,
    To,
}

async fn open(config: &Config, url: &str, side: Side) -> Result<Arc<dyn Storage>, CommandError> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = PathBuf::from(path);
        if side == Side::From && !Path::exists(&path) {
            return Err(CommandError::usage(format!("there is no database {}", path.display())));
        }
        return Ok(Arc::new(Sqlite::open(&path).await?));
    }
    if url.starts_with("mongodb://") || url.starts_with("mongodb+srv://") {
        let settings = MongoSettings {
            url: url.to_owned(),
            redis_url: config.storage.redis().to_owned(),
            redis_prefix: config.storage.redis_prefix.clone(),
        };
        return Ok(Arc::new(Mongo::open(&settings).await?));
    }
    Err(CommandError::usage(format!(
        "--{} must be sqlite:PATH, mongodb://HOST/DATABASE or mongodb+srv://HOST/DATABASE",
        if side == Side::From { "from" } else { "to" }
    )))
}
