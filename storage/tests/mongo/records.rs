//! Records to begin with, and short names for what the tests do often.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use clipmill_core::{Id, Time};
use clipmill_storage::{
    Claimed, Clip, Enqueued, Finished, JobFailure, Mongo, NewUser, NewVideo, Origin, Queue,
    Registered, Session, Sessions, StoredFile, Upload, User, Users, Video, Videos, Want,
};

pub const MINUTE: Duration = Duration::from_secs(60);

/// A fixed moment that the servers have not reached, so many seconds after the
/// tests' beginning of time.
pub fn at(seconds: i64) -> Time {
    DateTime::from_timestamp(3_999_974_400, 0).unwrap() + TimeDelta::seconds(seconds)
}

pub fn new_id() -> Id {
    Id::generate(at(0))
}

pub fn new_user() -> NewUser {
    let email = format!("{}@example.org", new_id());
    NewUser { email, password_hash: "$2b$old".to_owned(), now: at(0) }
}

pub async fn user(storage: &Mongo) -> User {
    match storage.create_user(new_user()).await.unwrap() {
        Registered::New(user) => user,
        Registered::EmailTaken => panic!("a new address is taken"),
    }
}

pub fn new_session(user_id: Id, now: Time) -> Session {
    let (id, expires_at) = (new_id(), now + TimeDelta::days(7));
    Session { id, user_id, token: format!("token.of.{id}"), created_at: now, expires_at }
}

/// A session that is opened now, by the clock.
pub async fn session(storage: &Mongo, user: Id) -> Session {
    let session = new_session(user, chrono::Utc::now());
    storage.open_session(session.clone()).await.unwrap();
    session
}

pub fn clip() -> Origin {
    Origin::Clip(Clip {
        url: "https://www.youtube.com/watch?v=dQw4w9WgXcQ".to_owned(),
        youtube_video_id: Some("dQw4w9WgXcQ".to_owned()),
        span: Some(clipmill_core::Span { start: 60.0, end: 120.5 }),
        moment: None,
        additional_message: Some("nice".to_owned()),
        clip_offset: Some(60.0),
        format_preference: "mp4".to_owned(),
        resolution_preference: "1080p".to_owned(),
        available_formats: Some(vec!["1080p".to_owned(), "720p".to_owned()]),
    })
}

pub fn upload() -> Origin {
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

pub fn new_video(user_id: Id, origin: Origin, created_at: Time) -> NewVideo {
    NewVideo { id: new_id(), user_id, origin, created_at, expires_at: None }
}

pub fn rendition(format: &str) -> Want {
    Want::Clip { format: format.to_owned(), resolution: "720p".to_owned() }
}

pub fn encode() -> Want {
    Want::Encode { codec: "h265".to_owned(), quality: "high".to_owned() }
}

pub fn why() -> JobFailure {
    JobFailure { code: "source_away".to_owned(), message: "The source does not answer.".to_owned() }
}

pub fn done(file_path: &str, now: Time) -> Finished {
    Finished {
        file: StoredFile { file_path: file_path.to_owned(), file_size_bytes: 52_428_800 },
        now,
        expires_at: now + TimeDelta::minutes(30),
    }
}

/// A clip of a user of its own, saved at `at(0)` and not asked for.
pub async fn saved(storage: &Mongo) -> Id {
    storage.insert_video(new_video(new_id(), clip(), at(0))).await.unwrap().id
}

/// A clip in the queue since `now`.
pub async fn queued(storage: &Mongo, now: Time) -> Id {
    let id = saved(storage).await;
    enqueue(storage, id, &rendition("mp4"), now).await;
    id
}

pub async fn enqueue(storage: &Mongo, id: Id, want: &Want, now: Time) -> Video {
    match storage.enqueue(id, want, now).await.unwrap() {
        Enqueued::Queued(video) => video,
        other => panic!("not queued: {other:?}"),
    }
}

pub async fn claim(storage: &Mongo, now: Time) -> Option<Claimed> {
    storage.claim("worker", now, MINUTE).await.unwrap()
}

/// The job that is certainly there.
pub async fn claimed(storage: &Mongo, now: Time) -> Claimed {
    claim(storage, now).await.expect("there is a job")
}

pub async fn read(storage: &Mongo, id: Id) -> Video {
    storage.video(id).await.unwrap().expect("the record is there")
}
