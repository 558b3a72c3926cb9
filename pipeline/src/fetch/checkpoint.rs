//! The checkpoint that a finished fetch leaves beside its files, so that a later
//! attempt at the same job need not fetch again.
//!
//! It is written in the background, once the files are durable; the next stage
//! runs meanwhile.

use std::path::PathBuf;
use std::sync::Arc;

use clipmill_core::disk::file_error;
use clipmill_core::{Error, Span};
use serde::{Deserialize, Serialize};

use crate::abort_on_drop::AbortOnDrop;
use crate::local_media::LocalMedia;
use crate::request::JobRequest;
use crate::stages::Fetched;
use crate::workspace;

const NAME: &str = "fetched.json";
/// Longest checkpoint that is read, bytes.
const MAX_SIZE: u64 = 1024 * 1024;

#[derive(Serialize, Deserialize)]
struct Checkpoint {
    /// The request, spelled out; another one does not use the files.
    request: String,
    span: Option<Span>,
    available_formats: Option<Vec<String>>,
    note: Option<String>,
    media: LocalMedia,
    files: Vec<SavedFile>,
}

#[derive(Serialize, Deserialize)]
struct SavedFile {
    path: PathBuf,
    size_bytes: u64,
}

/// Starts to save a finished fetch in the background.
pub(super) fn save(request: &JobRequest, fetched: &Fetched) -> Arc<AbortOnDrop<()>> {
    let (request, fetched) = (request.clone(), fetched.clone());
    Arc::new(AbortOnDrop::spawn(async move {
        if let Err(error) = write(&request, &fetched).await {
            tracing::warn!(error = %error.chain(), "a later attempt will have to fetch again");
        }
    }))
}

async fn write(request: &JobRequest, fetched: &Fetched) -> Result<(), Error> {
    let mut files = Vec::new();
    let media = &fetched.media;
    for file in std::iter::once(&media.video).chain(media.audio.as_ref()) {
        workspace::make_durable(&file.path).await.map_err(file_error)?;
        let size_bytes = tokio::fs::metadata(&file.path).await.map_err(file_error)?.len();
        files.push(SavedFile { path: file.path.clone(), size_bytes });
    }
    let checkpoint = Checkpoint {
        request: spell_out(request),
        span: fetched.span,
        available_formats: fetched.available_formats.clone(),
        note: fetched.note.clone(),
        media: media.clone(),
        files,
    };
    let write = async {
        let text = serde_json::to_vec(&checkpoint)?;
        let (draft, name) = (request.folder.join("fetched.part"), request.folder.join(NAME));
        tokio::fs::write(&draft, text).await?;
        workspace::make_durable(&draft).await?;
        tokio::fs::rename(&draft, &name).await?;
        workspace::make_durable(&name).await
    };
    write.await.map_err(file_error)
}

/// What an earlier attempt at the same request fetched, if all files are there.
pub(super) async fn load(request: &JobRequest) -> Option<Fetched> {
    let path = request.folder.join(NAME);
    if tokio::fs::metadata(&path).await.ok()?.len() > MAX_SIZE {
        return None;
    }
    let checkpoint: Checkpoint =
        serde_json::from_slice(&tokio::fs::read(&path).await.ok()?).ok()?;
    if checkpoint.request != spell_out(request) || !checkpoint.files.iter().all(SavedFile::is_here)
    {
        return None;
    }
    Some(Fetched {
        received_bytes: 0,
        rendition: request.rendition.clone(),
        span: checkpoint.span,
        available_formats: checkpoint.available_formats,
        note: checkpoint.note,
        media: checkpoint.media,
        folder: request.folder.clone(),
        saving: None,
        early_head: None,
    })
}

impl SavedFile {
    fn is_here(&self) -> bool {
        self.path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() == self.size_bytes)
    }
}

fn spell_out(request: &JobRequest) -> String {
    format!("{:?} {:?}", request.source, request.rendition)
}
