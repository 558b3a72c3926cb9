//! Rules of the records of clips and uploads.

use std::sync::Arc;

use chrono::TimeDelta;
use clipmill_core::Id;

use super::fixtures::{
    at, claim, claimed, clip, completed, encode, enqueue, new_id, new_video, queued, read, saved,
    upload,
};
use crate::{Clip, Enqueued, Job, Origin, Page, Storage, Video};

/// Every field, for both origins.
pub async fn videos_insert_and_read_back(storage: Arc<dyn Storage>) {
    let mut started = upload();
    started.set_want(&encode());
    let bare = Origin::Clip(Clip {
        url: "https://media.example.org/a.mp4".to_owned(),
        youtube_video_id: None,
        span: None,
        moment: None,
        additional_message: None,
        clip_offset: None,
        format_preference: "best".to_owned(),
        resolution_preference: "best".to_owned(),
        available_formats: None,
    });
    for origin in [clip(), bare, upload(), started] {
        // Milliseconds are kept; what is finer is cut off.
        let created_at = at(0) + TimeDelta::microseconds(1_234_567);
        let mut new = new_video(new_id(), origin, created_at);
        new.expires_at = Some(at(10));
        let expected = Video {
            id: new.id,
            user_id: new.user_id,
            origin: new.origin.clone(),
            job: Job::idle(),
            file: None,
            created_at: at(0) + TimeDelta::milliseconds(1_234),
            expires_at: Some(at(10)),
        };
        assert_eq!(storage.insert_video(new).await.unwrap(), expected);
        for _ in 0..2 {
            assert_eq!(read(&*storage, expected.id).await, expected);
        }
    }
    assert_eq!(storage.video(new_id()).await.unwrap(), None);
}

/// The first record stays as it is.
pub async fn videos_insert_twice_is_refused(storage: Arc<dyn Storage>) {
    let new = new_video(new_id(), clip(), at(0));
    let first = storage.insert_video(new.clone()).await.unwrap();
    let error =
        storage.insert_video(crate::NewVideo { origin: upload(), ..new }).await.unwrap_err();
    assert!(!error.is_transient(), "{error}");
    assert_eq!(read(&*storage, first.id).await, first);
}

async fn ids_of(storage: &dyn Storage, user: Id, page: Page) -> Vec<Id> {
    storage.videos_of(user, page).await.unwrap().iter().map(|video| video.id).collect()
}

/// Sorted by time of saving, then id.
pub async fn videos_list_is_newest_first_and_only_ones_own(storage: Arc<dyn Storage>) {
    let (one, other) = (new_id(), new_id());
    let mut made = Vec::new();
    for (user, seconds) in [(one, 2), (one, 3), (other, 4), (one, 1), (one, 3)] {
        let new = new_video(user, clip(), at(seconds));
        made.push(storage.insert_video(new).await.unwrap());
    }
    made.retain(|video| video.user_id == one);
    made.sort_by_key(|video| (video.created_at, video.id));
    made.reverse();
    assert_eq!(storage.videos_of(one, Page::default()).await.unwrap(), made);
    let first = Page { before: None, limit: Some(2) };
    assert_eq!(storage.videos_of(one, first).await.unwrap(), made[..2]);
    assert_eq!(storage.videos_of(new_id(), Page::default()).await.unwrap(), []);
}

/// Pages joined hold every record that existed at the first page, once.
pub async fn videos_paging_is_stable_under_inserts(storage: Arc<dyn Storage>) {
    let user = new_id();
    // Pairs share a moment, so that pages end between equals too.
    for number in 0..9 {
        storage.insert_video(new_video(user, clip(), at(number / 2))).await.unwrap();
    }
    let expected = ids_of(&*storage, user, Page::default()).await;
    let mut paged = Vec::new();
    let mut before = None;
    loop {
        let page = storage.videos_of(user, Page { before, limit: Some(2) }).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.cursor());
        paged.extend(page.iter().map(|video| video.id));
        storage.insert_video(new_video(user, clip(), at(100))).await.unwrap();
    }
    assert_eq!(paged, expected);
}

/// Also of the cursor's record.
pub async fn videos_paging_goes_on_after_a_delete(storage: Arc<dyn Storage>) {
    let user = new_id();
    for number in 0..4 {
        storage.insert_video(new_video(user, clip(), at(number))).await.unwrap();
    }
    let all = storage.videos_of(user, Page::default()).await.unwrap();
    storage.delete_video(all[1].id).await.unwrap();
    let rest = Page { before: Some(all[1].cursor()), limit: None };
    assert_eq!(storage.videos_of(user, rest).await.unwrap(), all[2..]);
}

/// And nothing else changes.
pub async fn videos_available_formats_are_written(storage: Arc<dyn Storage>) {
    let (id, _) = claimed(&*storage).await;
    let mut expected = read(&*storage, id).await;
    let formats = ["2160p".to_owned(), "720p".to_owned()];
    storage.set_available_formats(id, &formats).await.unwrap();
    let Origin::Clip(clip) = &mut expected.origin else { panic!("a clip") };
    clip.available_formats = Some(formats.to_vec());
    assert_eq!(read(&*storage, id).await, expected);

    storage.set_available_formats(new_id(), &formats).await.unwrap();
    let sent = storage.insert_video(new_video(new_id(), upload(), at(0))).await.unwrap();
    storage.set_available_formats(sent.id, &formats).await.unwrap();
    assert_eq!(read(&*storage, sent.id).await, sent);
}

/// Any other record keeps its expiry.
pub async fn videos_set_expiry_moves_only_completed(storage: Arc<dyn Storage>) {
    let id = completed(&*storage).await;
    let mut expected = read(&*storage, id).await;
    assert!(storage.set_expiry(id, at(9_000)).await.unwrap());
    expected.expires_at = Some(at(9_000));
    assert_eq!(read(&*storage, id).await, expected);

    let idle = saved(&*storage).await;
    let active = queued(&*storage, at(0)).await;
    for id in [idle, active] {
        let expected = read(&*storage, id).await;
        assert!(!storage.set_expiry(id, at(9_000)).await.unwrap());
        assert_eq!(read(&*storage, id).await, expected);
    }
    assert!(!storage.set_expiry(new_id(), at(9_000)).await.unwrap());
}

/// A record in the queue or under lease is not among them.
pub async fn videos_expired_are_found_unless_active(storage: Arc<dyn Storage>) {
    let mut made = Vec::new();
    for expiry in [Some(at(30)), Some(at(10)), Some(at(20)), Some(at(21)), None, Some(at(5))] {
        let mut new = new_video(new_id(), clip(), at(0));
        new.expires_at = expiry;
        made.push(storage.insert_video(new).await.unwrap().id);
    }
    // The one that expires first is under lease, the next one in the queue.
    enqueue(&*storage, made[5], at(0)).await;
    claim(&*storage, at(0)).await.unwrap();
    let found = async |limit| {
        let mut found = storage.expired_videos(at(20), limit).await.unwrap();
        found.retain(|video| made.contains(&video.id));
        found.iter().map(|video| video.id).collect::<Vec<_>>()
    };
    assert_eq!(found(100).await, [made[1], made[2]]);
    assert_eq!(found(1).await, [made[1]]);
    enqueue(&*storage, made[1], at(0)).await;
    assert_eq!(found(100).await, [made[2]]);
}

/// A record that was enqueued again or whose expiry moved stays.
pub async fn videos_delete_expired_spares_the_living(storage: Arc<dyn Storage>) {
    let half_an_hour = at(30 * 60);
    let (again, moved) = (completed(&*storage).await, completed(&*storage).await);
    let over = completed(&*storage).await;
    let want = super::fixtures::rendition("webm");
    let queued = storage.enqueue(again, &want, at(60)).await.unwrap();
    assert!(matches!(queued, Enqueued::Queued(_)));
    assert!(storage.set_expiry(moved, at(3_600)).await.unwrap());
    let never = saved(&*storage).await;

    assert!(!storage.delete_expired_video(over, at(30 * 60 - 1)).await.unwrap());
    for living in [again, moved, never] {
        assert!(!storage.delete_expired_video(living, half_an_hour).await.unwrap());
        read(&*storage, living).await;
    }
    // Read before, so that a cache that held it would show.
    read(&*storage, over).await;
    assert!(storage.delete_expired_video(over, half_an_hour).await.unwrap());
    assert_eq!(storage.video(over).await.unwrap(), None);
    assert!(!storage.delete_expired_video(over, half_an_hour).await.unwrap());
}

/// Whatever its state.
pub async fn videos_delete_returns_the_record(storage: Arc<dyn Storage>) {
    let (leased, _) = claimed(&*storage).await;
    for id in [leased, saved(&*storage).await] {
        let expected = read(&*storage, id).await;
        assert_eq!(storage.delete_video(id).await.unwrap(), Some(expected));
        assert_eq!(storage.video(id).await.unwrap(), None);
        assert_eq!(storage.delete_video(id).await.unwrap(), None);
    }
    assert_eq!(storage.active_jobs().await.unwrap(), []);
}
