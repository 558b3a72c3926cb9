//! `POST /api/encode/upload`

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use clipmill_core::probe::Probe;
use clipmill_core::{Code, Id};
use clipmill_storage::{NewVideo, Origin, Upload};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::error::{Answer, ApiError, store_unavailable};
use super::super::reply::{self, ErrorBody, Number};
use super::form::{RemoveOnDrop, disk_full, receive, upload_failed};
use crate::app::App;
use crate::artifacts::ArtifactError;

/// How long putting a file into the store may take, and a second more for each
/// megabyte: the client waits for it.
const STORE_DEADLINE: Duration = Duration::from_secs(60);

#[derive(Serialize, ToSchema)]
pub struct UploadedBody {
    message: &'static str,
    /// The record's id.
    #[schema(example = "507f1f77bcf86cd799439014")]
    encode_id: String,
    #[schema(example = "myvideo.avi")]
    original_filename: String,
    #[schema(value_type = f64, example = 45.2)]
    file_size_mb: Number,
    metadata: Metadata,
}

/// What the file holds.
#[derive(Serialize, ToSchema)]
pub struct Metadata {
    /// Seconds, when known.
    #[schema(value_type = Option<f64>, example = 120)]
    duration: Option<Number>,
    /// As shown, after rotation.
    #[schema(example = "1920x1080")]
    resolution: String,
    #[schema(example = "h264")]
    original_codec: String,
}

/// The form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form, which is read piece by piece")]
pub struct UploadForm {
    /// mp4, avi, mkv, mov, flv, wmv, webm, m4v, mpg, mpeg or 3gp.
    #[schema(value_type = String, format = Binary)]
    video: Vec<u8>,
}

/// Takes a file to be encoded.
#[utoipa::path(
    post,
    path = "/api/encode/upload",
    tag = "encode",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "Received", body = UploadedBody),
        (status = 400, description = "No file, one of a wrong kind, or one that is too large", body = ErrorBody),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 415, description = "The body is no form", body = ErrorBody),
        (status = 500, description = "The file could not be kept", body = ErrorBody),
        (status = 503, description = "Too many uploads at a time, or the file store does not answer", body = ErrorBody),
    )
)]
pub async fn upload(mut call: Call) -> Answer {
    let answer = receive_and_store(&mut call).await;
    if answer.is_err() {
        // A client that is still sending would not see the answer.
        call.body.drain().await;
    }
    answer
}

async fn receive_and_store(call: &mut Call) -> Answer {
    let user_id = call.login()?.user_id;
    let _permit = Arc::clone(&call.app.signals.receiving)
        .try_acquire_owned()
        .map_err(|_| ApiError::busy("Too many uploads at a time; try again"))?;
    let folder = call.app.config.folders.work();
    tokio::fs::create_dir_all(&folder).await.map_err(|error| upload_failed(&error))?;
    let id = Id::generate(call.received);
    let path = folder.join(format!("{id}.part"));
    let unfinished = RemoveOnDrop(path.clone());
    let received = receive(call, &folder, &path).await?;
    let probe = call.app.engine.tools.probe(&path).await.map_err(|error| match error.code {
        Code::ToolMissing | Code::Internal | Code::StageTimeout => ApiError::internal(&error),
        code => ApiError::bad_request(code, "The file holds no video that can be read")
            .with("message", error.message),
    })?;
    let metadata = metadata(&probe)?;
    let name = format!("{id}.{}", received.name.extension);
    let upload = Upload {
        original_filename: received.name.full(),
        input_file_path: name.clone(),
        input_size_bytes: received.size,
        duration: probe.duration,
        video_codec: None,
        audio_codec: None,
        quality_preset: None,
    };
    let record = record(&call.app, id, user_id, upload);
    let app = Arc::clone(&call.app);
    let deadline = STORE_DEADLINE + Duration::from_secs(received.size >> 20);
    // The file and its record become real together, also when the client
    // leaves in between.
    let storing = tokio::spawn(async move {
        let put = tokio::time::timeout(deadline, app.stores.uploads.put(&name, &path)).await;
        drop(unfinished);
        put.map_err(|_| store_unavailable())?.map_err(not_stored)?;
        insert(&app, record, &name).await
    });
    storing.await.map_err(|error| ApiError::internal(&error))??;
    let body = UploadedBody {
        message: "Video uploaded successfully",
        encode_id: id.to_string(),
        original_filename: received.name.full(),
        file_size_mb: reply::megabytes(received.size),
        metadata,
    };
    Ok(reply::json(StatusCode::CREATED, &body))
}

/// Writes the record of a file that is in the store, or removes the file. Where
/// the database may have written the record although it did not answer, the
/// sweeper decides later.
async fn insert(app: &App, record: NewVideo, name: &str) -> Result<(), ApiError> {
    let Err(error) = app.storage.insert_video(record).await else { return Ok(()) };
    if !error.is_transient()
        && let Err(error) = app.stores.uploads.delete(name).await
    {
        tracing::warn!(%error, "an upload without a record could not be removed; the sweeper tries again");
    }
    Err(error.into())
}

fn not_stored(error: ArtifactError) -> ApiError {
    match error.code {
        Code::DiskFull => disk_full(),
        _ if error.is_transient() => error.into(),
        _ => upload_failed(&std::io::Error::other(error)),
    }
}

fn metadata(probe: &Probe) -> Result<Metadata, ApiError> {
    let video = probe.video.as_ref().ok_or_else(|| {
        ApiError::bad_request(Code::NoVideo, "The file holds no video that can be read")
    })?;
    let (width, height) = match video.rotation {
        90 | 270 => (video.height, video.width),
        _ => (video.width, video.height),
    };
    Ok(Metadata {
        duration: probe.duration.map(milliseconds).map(Number),
        resolution: format!("{width}x{height}"),
        original_codec: video.codec.clone(),
    })
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn record(app: &App, id: Id, user_id: Id, upload: Upload) -> NewVideo {
    let now = app.clock.now();
    let unused = TimeDelta::hours(app.config.uploads.unused_hours.into());
    NewVideo {
        id,
        user_id,
        origin: Origin::Upload(upload),
        created_at: now,
        expires_at: Some(now + unused),
    }
}
