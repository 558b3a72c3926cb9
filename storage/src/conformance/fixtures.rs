//! Records to begin with, and short names for what the cases do often.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use clipmill_core::{Id, Moment, Span, Time};

use crate::{
    Claimed, Clip, Enqueued, Finished, JobFailure, Lease, NewUser, NewVideo, Origin, Registered,
    Session, Storage, StoredFile, Upload, User, Video, Want,
};

pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// A fixed moment, so many seconds after the cases' beginning of time: a minute
/// of the year 2096, since servers that remove by themselves what is over go by their
/// own clocks.
pub(super) fn at(seconds: i64) -> Time {
    DateTime::from_timestamp(4_000_000_020, 0).unwrap() + TimeDelta::seconds(seconds)
}

pub(super) fn new_id() -> Id {
    Id::generate(at(0))
}

/// An address that no other case has.
pub(super) fn new_email() -> String {
    format!("{}@example.org", new_id())
}

pub(super) async fn user(storage: &dyn Storage) -> User {
    let new = NewUser { email: new_email(), password_hash: "$2b$old".to_owned(), now: at(0) };
    match storage.create_user(new).await.unwrap() {
        Registered::New(user) => user,
        Registered::EmailTaken => panic!("a new address is taken"),
    }
}

/// A session of a user that ends at a moment; its token is unique.
pub(super) async fn session(storage: &dyn Storage, user: Id, expires_at: Time) -> Session {
    let id = new_id();
    let session = Session {
        id,
        user_id: user,
        token: format!("token.of.{id}"),
        created_at: at(0),
        expires_at,
    };
    storage.open_session(session.clone()).await.unwrap();
    session
}

/// A clip with every field filled.
pub(super) fn clip() -> Origin {
    Origin::Clip(Clip {
        url: "https://www.youtube.com/watch?v=dQw4w9WgXcQ".to_owned(),
        youtube_video_id: Some("dQw4w9WgXcQ".to_owned()),
        // Neither has a short decimal form: every bit must come back.
        span: Some(Span { start: 0.1 + 0.2, end: 3_600.0 + 1.0 / 3.0 }),
        moment: Some(Moment { at: at(-5), offset: 60.123_456_789, duration: 61.7 }),
        additional_message: Some("nice \u{1F44D} 'save'; \"--\"".to_owned()),
        clip_offset: Some(60.0),
        format_preference: "mp4".to_owned(),
        resolution_preference: "1080p".to_owned(),
        available_formats: Some(vec!["1440p".to_owned(), "1080p".to_owned()]),
    })
}

/// An upload that no client started.
pub(super) fn upload() -> Origin {
    Origin::Upload(Upload {
        original_filename: "holiday.avi".to_owned(),
        input_file_path: "uploads/holiday".to_owned(),
        input_size_bytes: 5_000_000_000,
        duration: Some(12.5),
        video_codec: None,
        audio_codec: None,
        quality_preset: None,
    })
}

pub(super) fn new_video(user_id: Id, origin: Origin, created_at: Time) -> NewVideo {
    NewVideo { id: new_id(), user_id, origin, created_at, expires_at: None }
}

pub(super) fn rendition(format: &str) -> Want {
    Want::Clip { format: format.to_owned(), resolution: "720p".to_owned() }
}

pub(super) fn encode() -> Want {
    Want::Encode { codec: "h265".to_owned(), quality: "high".to_owned() }
}

pub(super) fn why() -> JobFailure {
    JobFailure { code: "source_away".to_owned(), message: "The source does not answer.".to_owned() }
}

pub(super) fn done(now: Time) -> Finished {
    Finished {
        file: StoredFile { file_path: "files/first".to_owned(), file_size_bytes: 4_294_967_297 },
        now,
        expires_at: now + TimeDelta::minutes(30),
    }
}

/// A clip of a user of its own, saved at `at(0)` and not asked for.
pub(super) async fn saved(storage: &dyn Storage) -> Id {
    storage.insert_video(new_video(new_id(), clip(), at(0))).await.unwrap().id
}

/// A clip in the queue since `now`, as MP4.
pub(super) async fn queued(storage: &dyn Storage, now: Time) -> Id {
    let id = saved(storage).await;
    enqueue(storage, id, now).await;
    id
}

/// A clip that a worker claimed at `at(0)` for one minute.
pub(super) async fn claimed(storage: &dyn Storage) -> (Id, Lease) {
    let id = queued(storage, at(0)).await;
    let claimed = claim(storage, at(0)).await.expect("there is a job");
    assert_eq!(claimed.video.id, id, "the queue was not empty");
    (id, claimed.lease)
}

/// A clip that was completed at `at(0)` and expires half an hour later.
pub(super) async fn completed(storage: &dyn Storage) -> Id {
    let (id, lease) = claimed(storage).await;
    assert_eq!(storage.finish(id, lease.id, done(at(0))).await.unwrap(), crate::LeaseHeld::Yes);
    id
}

pub(super) async fn enqueue(storage: &dyn Storage, id: Id, now: Time) -> Video {
    match storage.enqueue(id, &rendition("mp4"), now).await.unwrap() {
        Enqueued::Queued(video) => video,
        other => panic!("not queued: {other:?}"),
    }
}

pub(super) async fn claim(storage: &dyn Storage, now: Time) -> Option<Claimed> {
    storage.claim("worker", now, MINUTE).await.unwrap()
}

pub(super) async fn read(storage: &dyn Storage, id: Id) -> Video {
    storage.video(id).await.unwrap().expect("the record is there")
}
