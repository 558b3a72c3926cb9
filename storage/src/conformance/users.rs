//! Rules of accounts.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::fixtures::{at, new_email, new_id, session, user};
use crate::{NewUser, Registered, Storage};

/// The account is found by id and e-mail.
pub async fn users_register_and_read_back(storage: Arc<dyn Storage>) {
    let made = user(&*storage).await;
    assert_eq!(made.password_hash, "$2b$old");
    assert_eq!((made.created_at, made.updated_at), (at(0), at(0)));
    assert_eq!(storage.user_by_id(made.id).await.unwrap().as_ref(), Some(&made));
    assert_eq!(storage.user_by_email(&made.email).await.unwrap().as_ref(), Some(&made));
    assert_eq!(storage.user_by_id(new_id()).await.unwrap(), None);
    assert_eq!(storage.user_by_email(&new_email()).await.unwrap(), None);
}

/// Of 50 concurrent registrations of one e-mail exactly one succeeds.
pub async fn users_email_is_unique_under_concurrency(storage: Arc<dyn Storage>) {
    let email = new_email();
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        let (storage, email) = (storage.clone(), email.clone());
        let new = NewUser { email, password_hash: format!("hash {number}"), now: at(0) };
        tasks.spawn(async move { storage.create_user(new).await.unwrap() });
    }
    let made: Vec<_> = tasks
        .join_all()
        .await
        .into_iter()
        .filter_map(|registered| match registered {
            Registered::New(user) => Some(user),
            Registered::EmailTaken => None,
        })
        .collect();
    assert_eq!(made.len(), 1);
    assert_eq!(storage.user_by_email(&email).await.unwrap().as_ref(), made.first());
}

/// Also those in the cache, and no other user's.
pub async fn users_password_change_ends_all_sessions(storage: Arc<dyn Storage>) {
    let (one, other) = (user(&*storage).await, user(&*storage).await);
    let cached = session(&*storage, one.id, at(100)).await;
    let unread = session(&*storage, one.id, at(100)).await;
    let others = session(&*storage, other.id, at(100)).await;
    assert!(storage.session(&cached.token, at(1)).await.unwrap().is_some());
    assert!(storage.session(&others.token, at(1)).await.unwrap().is_some());

    assert!(storage.set_password(one.id, "$2b$new", at(2)).await.unwrap());
    assert_eq!(storage.session(&cached.token, at(3)).await.unwrap(), None);
    assert_eq!(storage.session(&unread.token, at(3)).await.unwrap(), None);
    assert!(storage.session(&others.token, at(3)).await.unwrap().is_some());

    let changed = storage.user_by_id(one.id).await.unwrap().unwrap();
    assert_eq!((changed.password_hash.as_str(), changed.updated_at), ("$2b$new", at(2)));
    assert_eq!(storage.user_by_id(other.id).await.unwrap(), Some(other));
    assert!(!storage.set_password(new_id(), "$2b$new", at(2)).await.unwrap());
}

/// Pages joined are all accounts, once.
pub async fn users_list_pages_through_all(storage: Arc<dyn Storage>) {
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(user(&*storage).await);
    }
    made.sort_by_key(|user| user.id);
    let mut listed = Vec::new();
    loop {
        let after = listed.last().map(|user: &crate::User| user.id);
        let page = storage.list_users(after, 3).await.unwrap();
        assert!(page.len() <= 3);
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    assert!(listed.is_sorted_by(|one, next| one.id < next.id));
    // Accounts of other tests may be there as well.
    listed.retain(|user| made.contains(user));
    assert_eq!(listed, made);
}
