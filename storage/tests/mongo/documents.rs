//! What the reference service wrote is read as what it means.

use std::slice;

use chrono::DateTime;
use clipmill_core::{Id, Span, Time};
use clipmill_storage::{
    Clip, Job, JobFailure, LiveSession, Mongo, Origin, Page, Sessions, Status, StoredFile,
    Transfer, Upload, Users, Video, Videos,
};
use mongodb::bson::{Bson, DateTime as BsonTime, Document, doc};

use crate::library::{self, id, oid, token};
use crate::records::read;
use crate::rooms::Room;

fn time(text: &str) -> Time {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_the_reference_service_log_in() {
    let room = library::room().await;
    let storage = room.open().await;
    let long = "a correct horse battery staple is a long password when it is repeated: a correct \
                horse battery staple";
    let accounts = [
        ("011", "user@example.com", "SecurePass123!"),
        ("021", "second@example.com", "OtherPass456!"),
        // bcrypt took 72 bytes and no more.
        ("031", "long@example.com", &long[..72]),
    ];
    for (end, email, password) in accounts {
        let user = storage.user_by_email(email).await.unwrap().expect(email);
        assert_eq!((user.id, user.email.as_str()), (id(end), email));
        assert!(bcrypt::verify(password, &user.password_hash).unwrap(), "{email}");
        assert!(!bcrypt::verify("another", &user.password_hash).unwrap());
        assert_eq!(storage.user_by_id(id(end)).await.unwrap().as_ref(), Some(&user));
    }
    let second = storage.user_by_id(id("021")).await.unwrap().unwrap();
    assert_eq!(second.created_at, time("2026-01-18T10:00:00.123Z"));
    assert_eq!(second.updated_at, time("2026-01-19T08:30:00Z"));
    let listed: Vec<_> = storage.list_users(None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|user| user.id).collect::<Vec<_>>(), accounts.map(|it| id(it.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_the_reference_service_go_on() {
    let room = library::room().await;
    let storage = room.open().await;
    let now = chrono::Utc::now();
    for (session, user, email) in
        [("012", "011", "user@example.com"), ("022", "021", "second@example.com")]
    {
        let expected = LiveSession {
            id: id(session),
            user_id: id(user),
            email: email.to_owned(),
            expires_at: time("2100-01-01T00:00:00Z"),
        };
        // The second answer comes from Redis.
        for _ in 0..2 {
            let found = storage.session(&token(session), now).await.unwrap();
            assert_eq!(found.as_ref(), Some(&expected));
        }
    }
    assert_eq!(storage.sessions_after(None, now, 10).await.unwrap().len(), 2);
    storage.close_session(&token("012")).await.unwrap();
    assert_eq!(storage.session(&token("012"), now).await.unwrap(), None);
    assert!(storage.session(&token("022"), now).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_change_ends_sessions_of_the_reference_service() {
    let room = library::room().await;
    let storage = room.open().await;
    let sessions = room.collection("sessions");
    let document = sessions.find_one(doc! { "_id": oid("012") }).await.unwrap().unwrap();
    let now = chrono::Utc::now();
    assert!(storage.session(&token("012"), now).await.unwrap().is_some());
    assert!(storage.set_password(id("011"), "$2b$new", now).await.unwrap());
    assert_eq!(storage.session(&token("012"), now).await.unwrap(), None);
    assert!(storage.session(&token("022"), now).await.unwrap().is_some());

    // Also when the step that removes them was lost.
    sessions.insert_one(&document).await.unwrap();
    assert_eq!(storage.session(&token("012"), now).await.unwrap(), None);
    let live = storage.sessions_after(None, now, 10).await.unwrap();
    assert_eq!(live.iter().map(|session| session.id).collect::<Vec<_>>(), [id("022")]);

    // One that the reference service opens afterwards is good.
    let mut later = document;
    let token = "opened.by.the.reference.service";
    later.insert("_id", oid("013"));
    later.insert("token", token);
    later.insert("created_at", BsonTime::from_millis(now.timestamp_millis() + 1000));
    sessions.insert_one(&later).await.unwrap();
    assert!(storage.session(token, now).await.unwrap().is_some());
}

/// A record of the library as it should be read; `change` says in what it differs.
fn record(end: &str, created_at: &str, origin: Origin, change: impl FnOnce(&mut Video)) -> Video {
    let mut video = Video {
        id: id(end),
        user_id: id("011"),
        origin,
        job: Job::idle(),
        file: None,
        created_at: time(created_at),
        expires_at: None,
    };
    change(&mut video);
    video
}

fn clip(change: impl FnOnce(&mut Clip)) -> Origin {
    let mut clip = Clip {
        url: "https://youtube.com/watch?v=dQw4w9WgXcQ".to_owned(),
        youtube_video_id: Some("dQw4w9WgXcQ".to_owned()),
        span: Some(Span { start: 60.0, end: 120.0 }),
        moment: None,
        additional_message: None,
        clip_offset: None,
        format_preference: "mp4".to_owned(),
        resolution_preference: "1080p".to_owned(),
        available_formats: None,
    };
    change(&mut clip);
    Origin::Clip(clip)
}

fn upload(change: impl FnOnce(&mut Upload)) -> Origin {
    let mut upload = Upload {
        original_filename: "myvideo.avi".to_owned(),
        input_file_path: String::new(),
        input_size_bytes: 0,
        duration: None,
        video_codec: None,
        audio_codec: None,
        quality_preset: None,
    };
    change(&mut upload);
    Origin::Upload(upload)
}

fn heights(heights: &[&str]) -> Option<Vec<String>> {
    Some(heights.iter().map(|&height| height.to_owned()).collect())
}

fn file(path: &str, file_size_bytes: u64) -> Option<StoredFile> {
    Some(StoredFile { file_path: format!("/srv/yt-downloader/{path}"), file_size_bytes })
}

/// All records of the library, oldest first.
fn expected() -> Vec<Video> {
    let all = ["1440p", "1080p", "720p"];
    vec![
        record(
            "a01",
            "2026-01-18T10:01:00Z",
            clip(|clip| clip.available_formats = heights(&all)),
            |_| {},
        ),
        record(
            "a02",
            "2026-01-18T10:02:00Z",
            clip(|clip| clip.span = Some(Span { start: 60.0, end: 90.5 })),
            |_| {},
        ),
        record(
            "a03",
            "2026-01-18T10:03:00Z",
            clip(|clip| clip.available_formats = heights(&all)),
            |video| {
                video.job.status = Status::Completed;
                video.file = file("downloads/507f1f77bcf86cd799439a03.mp4", 52_428_800);
                video.expires_at = Some(time("2026-01-18T10:33:00Z"));
            },
        ),
        record(
            "a04",
            "2026-01-18T10:04:00Z",
            clip(|clip| {
                clip.format_preference = "webm".to_owned();
                clip.resolution_preference = "best".to_owned();
            }),
            |video| {
                video.job.status = Status::Failed;
                video.job.failure = Some(JobFailure {
                    code: "failed".to_owned(),
                    message: "ERROR: [youtube] dQw4w9WgXcQ: Video unavailable".to_owned(),
                });
            },
        ),
        record(
            "a05",
            "2026-01-18T10:05:00Z",
            clip(|clip| clip.available_formats = heights(&all[1..])),
            |video| video.job.status = Status::Processing,
        ),
        record(
            "a06",
            "2026-01-18T10:06:00Z",
            upload(|upload| {
                upload.input_file_path =
                    "/srv/yt-downloader/uploads/507f1f77bcf86cd799439a06.avi".to_owned();
            }),
            |_| {},
        ),
        record(
            "a07",
            "2026-01-18T10:07:00Z",
            upload(|upload| {
                upload.input_file_path =
                    "/srv/yt-downloader/uploads/507f1f77bcf86cd799439a07.avi".to_owned();
                upload.video_codec = Some("h264".to_owned());
                upload.audio_codec = Some("aac".to_owned());
                upload.quality_preset = Some("high".to_owned());
            }),
            |video| {
                video.job.status = Status::Completed;
                video.job.started_at = Some(time("2026-01-18T10:07:10Z"));
                video.job.completed_at = Some(time("2026-01-18T10:08:00.5Z"));
                let path = "downloads/507f1f77bcf86cd799439a07_h264_high.mp4";
                video.file = file(path, 5_368_709_120);
                video.expires_at = Some(time("2026-01-18T10:38:00Z"));
            },
        ),
        record(
            "a08",
            "2026-01-18T10:08:00Z",
            clip(|clip| {
                clip.url = "https://www.youtube.com/watch?v=jNQXAC9IVRw".to_owned();
                clip.youtube_video_id = Some("jNQXAC9IVRw".to_owned());
                clip.span = Some(Span { start: 0.0, end: 120.0 });
                clip.additional_message = Some("Great moment!".to_owned());
                clip.clip_offset = Some(60.0);
            }),
            |_| {},
        ),
        record(
            "a09",
            "2026-01-18T10:09:00Z",
            clip(|clip| clip.resolution_preference = "720p".to_owned()),
            |_| {},
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_means_what_it_says() {
    let room = library::room().await;
    let storage = room.open().await;
    let mut expected = expected();
    for video in &expected {
        assert_eq!(&read(&storage, video.id).await, video);
    }
    assert_eq!(storage.videos_after(None, 100).await.unwrap(), expected);
    let expired = storage.expired_videos(time("2026-01-18T10:33:00Z"), 10).await.unwrap();
    assert_eq!(expired, slice::from_ref(&expected[2]));

    expected.reverse();
    assert_eq!(storage.videos_of(id("011"), Page::default()).await.unwrap(), expected);
    let (mut before, mut listed) = (None, Vec::new());
    loop {
        let page = Page { before, limit: Some(2) };
        let page = storage.videos_of(id("011"), page).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.cursor());
        listed.extend(page);
    }
    assert_eq!(listed, expected);
    assert_eq!(storage.videos_of(id("021"), Page::default()).await.unwrap(), []);
}

/// Puts a changed copy of a document into the room, and answers what is read.
async fn read_changed(
    (room, storage): (&Room, &Mongo),
    end: &str,
    change: impl FnOnce(&mut Document),
) -> Video {
    let mut document = library::video(end);
    change(&mut document);
    let videos = room.collection("videos");
    videos.replace_one(doc! { "_id": oid(end) }, document).await.unwrap();
    read(storage, id(end)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_count_in_every_kind() {
    let room = library::room().await;
    let storage = room.open().await;
    let opened = (&room, &storage);
    let kinds: [fn(i32) -> Bson; 4] = [
        |number| Bson::Int32(number),
        |number| Bson::Int64(number.into()),
        |number| Bson::Double(number.into()),
        |number| Bson::String(format!(" {number}")),
    ];
    for kind in kinds {
        let video = read_changed(opened, "a03", |document| {
            document.insert("start_time", kind(7));
            document.insert("end_time", kind(9));
            document.insert("clip_offset", kind(-5));
            document.insert("file_size_bytes", kind(2_147_483_647));
            document.insert("job", doc! { "attempts": kind(3) });
        })
        .await;
        let Origin::Clip(clip) = &video.origin else { panic!("a clip") };
        assert_eq!(clip.span, Some(Span { start: 7.0, end: 9.0 }), "{:?}", kind(7));
        assert_eq!(clip.clip_offset, Some(-5.0));
        assert_eq!(video.file.unwrap().file_size_bytes, 2_147_483_647);
        assert_eq!(video.job.attempts, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_field_is_as_good_as_null() {
    let room = library::room().await;
    let storage = room.open().await;
    let opened = (&room, &storage);
    let needed = ["_id", "user_id", "source_type", "url"];
    for end in ["a01", "a03", "a04", "a07", "a08"] {
        let names: Vec<_> = library::video(end).keys().cloned().collect();
        for name in names.iter().filter(|name| !needed.contains(&name.as_str())) {
            let missing = read_changed(opened, end, |document| {
                document.remove(name);
            })
            .await;
            let null = read_changed(opened, end, |document| {
                document.insert(name, Bson::Null);
            })
            .await;
            assert_eq!(missing, null, "{name}");
        }
    }
    // When nothing says when it was made, its id does.
    let video = read_changed(opened, "a01", |document| {
        document.remove("created_at");
    })
    .await;
    let made = u32::from_be_bytes(Id::bytes(id("a01"))[..4].try_into().unwrap());
    assert_eq!(video.created_at.timestamp(), i64::from(made));
}
