//! Rules of moving records from one backend to another.

use std::collections::BTreeMap;
use std::sync::Arc;

use clipmill_core::Id;

use super::fixtures::{
    at, claim, clip, completed, encode, new_email, new_id, new_video, read, saved, session, upload,
    user, why,
};
use crate::{
    Job, JobFailure, KeptSession, Lease, Put, Stage, Status, Storage, StoredFile, User, Video,
    token_hash,
};

/// By id, in pages; those that are over are left out.
pub async fn transfer_reads_all_live_sessions(storage: Arc<dyn Storage>) {
    let user = user(&*storage).await;
    let mut expected = BTreeMap::new();
    for _ in 0..5 {
        let opened = session(&*storage, user.id, at(100)).await;
        expected.insert(opened.id, token_hash(&opened.token));
    }
    session(&*storage, user.id, at(50)).await;
    let mut found = Vec::new();
    loop {
        let after = found.last().map(|session: &KeptSession| session.id);
        let page = storage.sessions_after(after, at(50), 2).await.unwrap();
        assert!(page.len() <= 2);
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    assert!(found.iter().all(|session| session.user_id == user.id));
    assert!(found.iter().all(|session| session.expires_at == at(100)));
    let hashes: Vec<_> =
        found.into_iter().map(|session| (session.id, session.token_hash)).collect();
    assert_eq!(hashes, expected.into_iter().collect::<Vec<_>>());
}

/// By id, in pages, of all users and in every state.
pub async fn transfer_reads_all_videos(storage: Arc<dyn Storage>) {
    let mut expected = BTreeMap::new();
    for id in [completed(&*storage).await, saved(&*storage).await, saved(&*storage).await] {
        expected.insert(id, read(&*storage, id).await);
    }
    let sent = storage.insert_video(new_video(new_id(), upload(), at(0))).await.unwrap();
    expected.insert(sent.id, sent);
    let mut found: Vec<Video> = Vec::new();
    loop {
        let after = found.last().map(|video| video.id);
        let page = storage.videos_after(after, 3).await.unwrap();
        assert!(page.len() <= 3);
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    assert_eq!(found, expected.into_values().collect::<Vec<_>>());
}

fn account() -> User {
    User {
        id: new_id(),
        email: new_email(),
        password_hash: "$2b$kept".to_owned(),
        created_at: at(-100),
        updated_at: at(-50),
    }
}

/// With id and password; one whose e-mail another account has is refused.
pub async fn transfer_writes_a_user_once(storage: Arc<dyn Storage>) {
    let user = account();
    assert_eq!(storage.put_user(&user).await.unwrap(), Put::New);
    let other = User { password_hash: "$2b$other".to_owned(), ..user.clone() };
    assert_eq!(storage.put_user(&other).await.unwrap(), Put::There);
    assert_eq!(storage.user_by_email(&user.email).await.unwrap(), Some(user.clone()));
    let rival = User { id: new_id(), ..user.clone() };
    assert!(matches!(storage.put_user(&rival).await.unwrap(), Put::Refused(_)));
    assert_eq!(storage.user_by_id(rival.id).await.unwrap(), None);
}

/// Its token is good; one of an account that is not there is refused.
pub async fn transfer_writes_a_session_once(storage: Arc<dyn Storage>) {
    let user = account();
    let kept = |user_id: Id| KeptSession {
        id: new_id(),
        user_id,
        token_hash: token_hash("moved.token"),
        created_at: at(0),
        expires_at: at(100),
    };
    let session = kept(user.id);
    assert!(matches!(storage.put_session(&session).await.unwrap(), Put::Refused(_)));
    assert_eq!(storage.session("moved.token", at(1)).await.unwrap(), None);
    storage.put_user(&user).await.unwrap();
    assert_eq!(storage.put_session(&session).await.unwrap(), Put::New);
    assert_eq!(storage.put_session(&session).await.unwrap(), Put::There);
    let live = storage.session("moved.token", at(1)).await.unwrap().unwrap();
    assert_eq!((live.id, live.user_id), (session.id, user.id));
    assert_eq!((live.email, live.expires_at), (user.email, at(100)));
    assert_eq!(storage.sessions_after(None, at(1), 10).await.unwrap(), [session]);
    storage.close_session("moved.token").await.unwrap();
    assert_eq!(storage.session("moved.token", at(1)).await.unwrap(), None);

    let other = kept(user.id);
    assert_eq!(storage.put_session(&other).await.unwrap(), Put::New);
    assert!(storage.set_password(user.id, "$2b$new", at(2)).await.unwrap());
    assert_eq!(storage.session("moved.token", at(3)).await.unwrap(), None);
}

/// In every state, field by field.
pub async fn transfer_writes_a_video_once(storage: Arc<dyn Storage>) {
    let idle = |origin| Video {
        id: new_id(),
        user_id: new_id(),
        origin,
        job: Job::idle(),
        file: None,
        created_at: at(-7),
        expires_at: Some(at(700)),
    };
    let lease = Lease { id: new_id(), owner: "a worker".to_owned(), until: at(70) };
    let leased = Job {
        status: Status::Processing,
        due_at: Some(at(70)),
        stage: Some(Stage::Transcode),
        attempts: 3,
        lease: Some(lease),
        cancel_requested: true,
        failure: Some(why()),
        note: Some("noted".to_owned()),
        started_at: Some(at(1)),
        completed_at: None,
    };
    let failure = JobFailure { code: "gone".to_owned(), message: "It is gone.".to_owned() };
    let failed = Job { status: Status::Failed, failure: Some(failure), ..Job::idle() };
    let done = Job { status: Status::Completed, completed_at: Some(at(9)), ..Job::idle() };
    let file = StoredFile { file_path: "a.mp4".to_owned(), file_size_bytes: 5_000_000_000 };
    let mut encoded = idle(upload());
    encoded.origin.set_want(&encode());
    let videos = [
        idle(clip()),
        Video { job: leased, ..idle(clip()) },
        Video { job: failed, ..idle(upload()) },
        Video { job: done, file: Some(file), ..encoded },
    ];
    for video in &videos {
        assert_eq!(storage.put_video(video).await.unwrap(), Put::New);
        assert_eq!(read(&*storage, video.id).await, *video);
        let other = Video { created_at: at(5), ..video.clone() };
        assert_eq!(storage.put_video(&other).await.unwrap(), Put::There);
        assert_eq!(read(&*storage, video.id).await, *video);
    }
    // The one under lease is taken over when that ends.
    assert_eq!(claim(&*storage, at(69)).await, None);
    assert_eq!(claim(&*storage, at(70)).await.unwrap().video.id, videos[1].id);
}
