//! Every call of the contract that needs MongoDB, to be made in all weathers.

use std::collections::HashSet;

use clipmill_storage::{
    Cluster, JobUpdate, KeptSession, Leases, Mongo, Page, Queue, Sessions, StorageError, Transfer,
    User, Users, Video, Videos, conformance,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::records::{
    MINUTE, at, clip, done, new_id, new_session, new_user, new_video, read, rendition, saved, why,
};
use crate::rooms::Room;

/// Its name, and the call itself.
pub type Call = (&'static str, BoxFuture<'static, Result<(), StorageError>>);

macro_rules! calls {
    ($storage:ident: $($name:ident($($argument:expr),*);)+) => {
        vec![$({
            let storage = $storage.clone();
            (stringify!($name), async move { storage.$name($($argument),*).await.map(drop) }.boxed())
        }),+]
    };
}

fn some_user() -> User {
    let (id, now) = (new_id(), at(0));
    let (email, password_hash) = (format!("{id}@example.org"), "$2b$".to_owned());
    User { id, email, password_hash, created_at: now, updated_at: now }
}

fn some_session() -> KeptSession {
    let (id, now) = (new_id(), at(0));
    let token_hash = [id.bytes()[11]; 32];
    KeptSession { id, user_id: new_id(), token_hash, created_at: now, expires_at: at(60) }
}

fn some_video(like: &Video) -> Video {
    Video { id: new_id(), ..like.clone() }
}

/// One of each. `like` is a record that is there.
pub fn calls(storage: &Mongo, like: &Video) -> Vec<Call> {
    let (id, user, lease) = (like.id, like.user_id, new_id());
    let like = like.clone();
    calls! { storage:
        create_user(new_user());
        user_by_email("a@example.org");
        user_by_id(user);
        set_password(user, "$2b$", at(0));
        list_users(None, 10);
        open_session(new_session(new_id(), at(0)));
        session("an.unknown.token", at(0));
        close_session("an.unknown.token");
        purge_sessions(at(0));
        insert_video(new_video(user, clip(), at(0)));
        video(id);
        videos_of(user, Page::default());
        set_available_formats(id, &[]);
        set_expiry(id, at(0));
        expired_videos(at(0), 10);
        delete_expired_video(new_id(), at(0));
        delete_video(new_id());
        enqueue(new_id(), &rendition("mp4"), at(0));
        claim("worker", at(-1), MINUTE);
        reclaim("worker", at(0));
        heartbeat(id, lease, at(0), MINUTE);
        update_job(id, lease, JobUpdate::default());
        finish(id, lease, done("files/a", at(0)));
        fail(id, lease, why(), at(0));
        retry(id, lease, why(), at(0));
        release(id, lease, at(0));
        cancel(new_id());
        stopped(id, lease);
        active_jobs();
        next_due();
        hold_role("sweeper", "one", at(0), MINUTE);
        drop_role("sweeper", "one");
        agree("name", "word");
        replace_word("name", "word");
        time();
        sessions_after(None, at(0), 10);
        videos_after(None, 10);
        put_user(&some_user());
        put_session(&some_session());
        put_video(&some_video(&like));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_left_out_here() {
    let room = Room::new().await;
    let storage = room.open().await;
    let like = read(&storage, saved(&storage).await).await;
    let tried: HashSet<_> = calls(&storage, &like).into_iter().map(|(name, _)| name).collect();
    let lines = conformance::CONTRACT.iter().flat_map(|file| file.lines());
    let all = lines.filter_map(|line| line.trim().strip_prefix("async fn "));
    let all: HashSet<_> = all.filter_map(|line| line.split('(').next()).collect();
    // Redis does these, and the others tell of an outage or end everything.
    let others = [
        "set_progress",
        "progress",
        "clear_progress",
        "count",
        "wake_workers",
        "wait_for_work",
        "problems",
        "close",
    ];
    let expected: HashSet<_> = all.into_iter().filter(|name| !others.contains(name)).collect();
    assert_eq!(tried, expected);
}
