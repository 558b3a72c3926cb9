//! What a finished fetch leaves beside its files, so that a later attempt at
//! the same work need not fetch again.
//!
//! It is written when the files are durable, which nobody waits for: the next
//! stage goes on meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clipmill_core::{Error, Span};
use serde::{Deserialize, Serialize};

use crate::abort_on_drop::AbortOnDrop;
use crate::local_media::LocalMedia;
use crate::{Fetched, JobRequest, workspace};

const NAME: &str = "fetched.json";
/// Longest manifest that is read, bytes.
const LONGEST: u64 = 1024 * 1024;

#[derive(Serialize, Deserialize)]
struct Manifest {
    /// The ask, spelled out; another one finds nothing here.
    ask: String,
    span: Option<Span>,
    available_formats: Option<Vec<String>>,
    note: Option<String>,
    media: LocalMedia,
    /// The files' names and sizes in bytes.
    files: Vec<(PathBuf, u64)>,
}

/// Begins to write down a finished fetch.
pub(super) fn save(ask: &JobRequest, fetched: &Fetched) -> Arc<AbortOnDrop<()>> {
    let (ask, fetched) = (ask.clone(), fetched.clone());
    Arc::new(AbortOnDrop::begin(async move {
        if let Err(error) = write(&ask, &fetched).await {
            tracing::warn!(%error, "another attempt would have to fetch again");
        }
    }))
}

async fn write(ask: &JobRequest, fetched: &Fetched) -> Result<(), Error> {
    let mut files = Vec::new();
    let media = &fetched.media;
    for file in std::iter::once(&media.video).chain(media.audio.as_ref()) {
        let failed = |error: std::io::Error| workspace::explain(&error);
        workspace::make_durable(&file.path).await.map_err(failed)?;
        let size = tokio::fs::metadata(&file.path).await.map_err(failed)?.len();
        files.push((file.path.clone(), size));
    }
    let manifest = Manifest {
        ask: spell(ask),
        span: fetched.span,
        available_formats: fetched.available_formats.clone(),
        note: fetched.note.clone(),
        media: media.clone(),
        files,
    };
    let write = async {
        let text = serde_json::to_vec(&manifest)?;
        let (draft, name) = (ask.folder.join("fetched.part"), ask.folder.join(NAME));
        tokio::fs::write(&draft, text).await?;
        workspace::make_durable(&draft).await?;
        tokio::fs::rename(&draft, &name).await?;
        workspace::make_durable(&name).await
    };
    write.await.map_err(|error: std::io::Error| workspace::explain(&error))
}

/// What an earlier attempt at the same ask fetched, if all of it is there.
pub(super) async fn load(ask: &JobRequest) -> Option<Fetched> {
    let path = ask.folder.join(NAME);
    if tokio::fs::metadata(&path).await.ok()?.len() > LONGEST {
        return None;
    }
    let manifest: Manifest = serde_json::from_slice(&tokio::fs::read(&path).await.ok()?).ok()?;
    let whole = |(path, size): &(PathBuf, u64)| same_size(path, *size);
    if manifest.ask != spell(ask) || !manifest.files.iter().all(whole) {
        return None;
    }
    Some(Fetched {
        received_bytes: 0,
        rendition: ask.rendition.clone(),
        span: manifest.span,
        available_formats: manifest.available_formats,
        note: manifest.note,
        media: manifest.media,
        folder: ask.folder.clone(),
        saving: None,
        early_head: None,
    })
}

fn same_size(path: &Path, size: u64) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() == size)
}

fn spell(ask: &JobRequest) -> String {
    format!("{:?} {:?}", ask.source, ask.rendition)
}
