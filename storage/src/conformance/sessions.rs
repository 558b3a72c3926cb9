//! Rules of logins.

use std::sync::Arc;

use super::fixtures::{at, session, user};
use crate::{LiveSession, Storage};

/// Its token finds it, with the user's e-mail.
pub async fn sessions_open_and_find(storage: Arc<dyn Storage>) {
    let user = user(&*storage).await;
    let opened = session(&*storage, user.id, at(100)).await;
    let expected =
        LiveSession { id: opened.id, user_id: user.id, email: user.email, expires_at: at(100) };
    // The second answer may come from a cache.
    for _ in 0..2 {
        assert_eq!(storage.session(&opened.token, at(1)).await.unwrap().as_ref(), Some(&expected));
    }
}

/// At `expires_at` it is no longer found, whatever the cache holds.
pub async fn sessions_end_at_their_expiry(storage: Arc<dyn Storage>) {
    let user = user(&*storage).await;
    let opened = session(&*storage, user.id, at(100)).await;
    assert!(storage.session(&opened.token, at(99)).await.unwrap().is_some());
    assert_eq!(storage.session(&opened.token, at(100)).await.unwrap(), None);
    let unread = session(&*storage, user.id, at(100)).await;
    assert_eq!(storage.session(&unread.token, at(101)).await.unwrap(), None);
}

/// A token that was never given out finds nothing.
pub async fn sessions_unknown_token_is_none(storage: Arc<dyn Storage>) {
    let user = user(&*storage).await;
    let opened = session(&*storage, user.id, at(100)).await;
    for token in ["", "token", &opened.token[1..], &opened.token.to_uppercase()] {
        assert_eq!(storage.session(token, at(1)).await.unwrap(), None, "{token}");
    }
}

/// Also when it was just read, and while others read it all the time.
pub async fn sessions_close_is_seen_at_once(storage: Arc<dyn Storage>) {
    let user = user(&*storage).await;
    for _ in 0..20 {
        let opened = session(&*storage, user.id, at(100)).await;
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let (storage, token) = (storage.clone(), opened.token.clone());
                tokio::spawn(async move {
                    while storage.session(&token, at(1)).await.unwrap().is_some() {
                        // An answer from memory never yields to other tasks.
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        storage.close_session(&opened.token).await.unwrap();
        assert_eq!(storage.session(&opened.token, at(1)).await.unwrap(), None);
        for reader in readers {
            reader.await.unwrap();
        }
        assert_eq!(storage.session(&opened.token, at(1)).await.unwrap(), None);
        storage.close_session(&opened.token).await.unwrap();
    }
}

/// Others stay.
pub async fn sessions_purge_removes_only_expired(storage: Arc<dyn Storage>) {
    let user = user(&*storage).await;
    let over = session(&*storage, user.id, at(50)).await;
    let just_over = session(&*storage, user.id, at(60)).await;
    let living = session(&*storage, user.id, at(61)).await;
    for opened in [&over, &just_over, &living] {
        assert!(storage.session(&opened.token, at(1)).await.unwrap().is_some());
    }
    assert!(storage.purge_sessions(at(60)).await.unwrap() >= 2);
    // Gone for good: not even a clock that goes back finds them.
    assert_eq!(storage.session(&over.token, at(1)).await.unwrap(), None);
    assert_eq!(storage.session(&just_over.token, at(1)).await.unwrap(), None);
    assert!(storage.session(&living.token, at(60)).await.unwrap().is_some());
}
