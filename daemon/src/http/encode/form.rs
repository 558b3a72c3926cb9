//! Reading one file out of a multipart form onto the disk, with constant
//! memory.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clipmill_core::Code;
use clipmill_core::disk::has_room;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt as _, BufWriter};

use super::super::body::BodyError;
use super::super::call::Call;
use super::super::error::ApiError;
use super::filename::FileName;
use crate::telemetry::ByteFlow;

/// Name of the form's field.
const FIELD: &str = "video";
/// Longest pause of a client that sends.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Room for boundaries, part headers and other fields.
const OVERHEAD: u64 = 1 << 20;
/// Other fields may not be larger.
const OTHER_FIELD: u64 = 64 << 10;
/// Bytes that are written at a time.
const PIECE: usize = 256 << 10;

/// A file that was received.
#[derive(Debug)]
pub struct Received {
    /// The client's name for it.
    pub name: FileName,
    /// Bytes.
    pub size: u64,
}

/// Writes the form's file to `path`; durable when this returns. On an error the
/// caller removes the file.
///
/// # Errors
/// 415 when the body is no form, 400 when it holds no file, one of a wrong
/// kind or one that is too large, 408 when the client stops sending.
pub async fn receive(call: &mut Call, folder: &Path, path: &Path) -> Result<Received, ApiError> {
    let limit = call.app.config.uploads.max_mb.saturating_mul(1 << 20);
    let boundary = boundary(call)?;
    let announced = content_length(call);
    if announced.is_some_and(|announced| announced > limit.saturating_add(OVERHEAD)) {
        return Err(too_large(call));
    }
    if !has_room(folder, announced.unwrap_or(0)).map_err(|error| upload_failed(&error))? {
        return Err(disk_full());
    }
    let sizes = SizeLimit::new()
        .whole_stream(limit.saturating_add(OVERHEAD))
        .per_field(OTHER_FIELD)
        .for_field(FIELD, limit);
    let constraints = Constraints::new().size_limit(sizes);
    let mut form = Multipart::with_constraints(&mut call.body, boundary, constraints);
    let received = loop {
        match in_time(form.next_field()).await {
            Ok(Some(field)) if field.name() == Some(FIELD) => break write_file(field, path).await,
            Ok(Some(_)) => {}
            Ok(None) => return Err(no_file()),
            Err(refused) => break Err(refused),
        }
    };
    drop(form);
    match received {
        Ok(received) => {
            call.app.metrics.bytes(ByteFlow::Uploaded, received.size);
            Ok(received)
        }
        Err(Refused::TooLarge) => Err(too_large(call)),
        Err(Refused::Late) => Err(BodyError::Late.into()),
        Err(Refused::Malformed) => {
            Err(ApiError::bad_request(Code::UploadBroken, "The upload broke off or is malformed"))
        }
        Err(Refused::Answer(error)) => Err(error),
    }
}

/// Removes an unfinished file when it is dropped.
#[derive(Debug)]
pub struct RemoveOnDrop(pub PathBuf);

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        // Not found: it was put into the store, or never written.
        if let Err(error) = std::fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "an unfinished upload could not be removed from the work folder");
        }
    }
}

/// Why a form was not received.
enum Refused {
    TooLarge,
    Late,
    Malformed,
    Answer(ApiError),
}

impl From<multer::Error> for Refused {
    fn from(error: multer::Error) -> Refused {
        match error {
            multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
                Refused::TooLarge
            }
            _ => Refused::Malformed,
        }
    }
}

async fn in_time<T>(next: impl Future<Output = Result<T, multer::Error>>) -> Result<T, Refused> {
    let next = tokio::time::timeout(LONGEST_PAUSE, next).await.map_err(|_| Refused::Late)?;
    Ok(next?)
}

async fn write_file(mut field: Field<'_>, path: &Path) -> Result<Received, Refused> {
    let given = field.file_name().unwrap_or_default();
    if given.trim().is_empty() {
        return Err(Refused::Answer(no_file()));
    }
    let name = FileName::clean(given).ok_or_else(|| {
        let error = "This kind of file is not accepted; see the list of formats";
        Refused::Answer(ApiError::bad_request(Code::InvalidFileType, error))
    })?;
    let write = |error: io::Error| Refused::Answer(upload_failed(&error));
    let file = File::create_new(path).await.map_err(write)?;
    let mut file = BufWriter::with_capacity(PIECE, file);
    let mut size = 0;
    while let Some(piece) = in_time(field.chunk()).await? {
        size += piece.len() as u64;
        file.write_all(&piece).await.map_err(write)?;
    }
    file.flush().await.map_err(write)?;
    file.get_ref().sync_all().await.map_err(write)?;
    if size == 0 {
        return Err(Refused::Answer(ApiError::bad_request(Code::EmptyFile, "The file is empty")));
    }
    Ok(Received { name, size })
}

fn boundary(call: &Call) -> Result<String, ApiError> {
    let Some(declared) = call.headers.get(CONTENT_TYPE) else { return Err(no_file()) };
    let boundary = declared.to_str().ok().and_then(|text| multer::parse_boundary(text).ok());
    boundary.ok_or_else(|| {
        ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::UnsupportedMediaType,
            "The body must be a form, declared as multipart/form-data with its boundary",
        )
    })
}

fn content_length(call: &Call) -> Option<u64> {
    call.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn no_file() -> ApiError {
    ApiError::bad_request(Code::NoFile, "No video file provided")
}

fn too_large(call: &Call) -> ApiError {
    let limit = call.app.config.uploads.max_mb;
    ApiError::bad_request(Code::FileTooLarge, format!("The file may have at most {limit} MB"))
}

/// The answer to an upload that the disk has no room for.
pub fn disk_full() -> ApiError {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    ApiError::new(status, Code::DiskFull, "Upload failed: there is no room for this file")
}

/// The answer to an upload that the server could not write.
pub fn upload_failed(error: &io::Error) -> ApiError {
    tracing::error!(%error, "an upload could not be written to the disk");
    if error.kind() == io::ErrorKind::StorageFull {
        return disk_full();
    }
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, Code::UploadFailed, "Upload failed")
}
