//! Sending a file: small ones at once, others in parts.

use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, MultipartId, ObjectStore as _, ObjectStoreExt as _, PutMultipartOptions,
    PutOptions, PutPayload,
};
use tokio::runtime::Handle;

use super::super::ArtifactError;
use super::Bucket;
use super::request::{LARGE, SMALL, tried};
use crate::artifacts::kind;

/// Bytes of a part, and of the largest file that is sent at once.
const PART: u64 = 8 << 20;
/// Parts that a file may have; services allow ten thousand.
const MOST_PARTS: u64 = 9_000;
/// Parts of one file that are on their way at a time.
const AT_A_TIME: usize = 3;

impl Bucket {
    pub async fn put(&self, key: &Key, from: &Path) -> Result<u64, ArtifactError> {
        let path = from.to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            let file = std::fs::File::open(path)?;
            let size = file.metadata()?.len();
            Ok::<_, std::io::Error>((Arc::new(file), size))
        });
        let (file, size) = opened.await.map_err(std::io::Error::other)??;
        let name = self.object(key);
        let media_type = kind(key.as_ref()).1;
        let attributes = Attributes::from_iter([(Attribute::ContentType, media_type)]);
        if size <= PART {
            let _place = self.place().await?;
            let payload = PutPayload::from(piece(&file, 0, size).await?);
            let options = PutOptions { attributes, ..PutOptions::default() };
            let send = || self.store.put_opts(&name, payload.clone(), options.clone());
            tried("sending a file", LARGE, send).await?;
        } else {
            self.put_parts(&name, &file, size, attributes).await?;
        }
        // The bytes are safe; a local file that stays costs room and nothing else.
        if let Err(error) = tokio::fs::remove_file(from).await {
            tracing::warn!(%error, "a file that is in the bucket stays on the disk");
        }
        Ok(size)
    }

    async fn put_parts(
        &self,
        name: &Key,
        file: &Arc<std::fs::File>,
        size: u64,
        attributes: Attributes,
    ) -> Result<(), ArtifactError> {
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let begin = || self.store.create_multipart_opts(name, options.clone());
        let id = tried("beginning to send a file", SMALL, begin).await?;
        let abort = Abort::armed(Arc::clone(&self.store), name.clone(), id.clone());
        // All of one size but the last, as some services want it.
        let length = PART.max(size.div_ceil(MOST_PARTS).next_multiple_of(1 << 20));
        let starts = (0..size).step_by(usize::try_from(length).unwrap_or(usize::MAX));
        let parts: Vec<PartId> = futures_util::stream::iter(starts.enumerate())
            .map(|(number, start)| {
                let end = size.min(start + length);
                self.put_part(name, &id, number, file, start..end)
            })
            .buffered(AT_A_TIME)
            .try_collect()
            .await?;
        let join = || self.store.complete_multipart(name, &id, parts.clone());
        if let Err(error) = tried("joining the parts of a file", LARGE, join).await {
            // A try whose answer was lost has joined them, and ended the upload.
            let there = error.is_missing()
                && tried("looking for a file", SMALL, || self.store.head(name))
                    .await
                    .is_ok_and(|meta| meta.size == size);
            if !there {
                return Err(error);
            }
        }
        abort.disarm();
        Ok(())
    }

    async fn put_part(
        &self,
        name: &Key,
        id: &MultipartId,
        number: usize,
        file: &Arc<std::fs::File>,
        range: std::ops::Range<u64>,
    ) -> Result<PartId, ArtifactError> {
        let _place = self.place().await?;
        let payload = PutPayload::from(piece(file, range.start, range.end - range.start).await?);
        let send = || self.store.put_part(name, id, number, payload.clone());
        tried("sending a part of a file", LARGE, send).await
    }

    /// A place for a part in memory.
    async fn place(&self) -> Result<tokio::sync::SemaphorePermit<'_>, ArtifactError> {
        self.parts.acquire().await.map_err(|closed| std::io::Error::other(closed).into())
    }
}

async fn piece(file: &Arc<std::fs::File>, start: u64, length: u64) -> Result<Bytes, ArtifactError> {
    let file = Arc::clone(file);
    let reading = tokio::task::spawn_blocking(move || {
        let length = usize::try_from(length).map_err(std::io::Error::other)?;
        let mut piece = vec![0; length];
        file.read_exact_at(&mut piece, start).map(|()| Bytes::from(piece))
    });
    Ok(reading.await.map_err(std::io::Error::other)??)
}

/// Parts that nobody joins are kept, and paid for, until somebody says that
/// they are not wanted.
struct Abort {
    upload: Option<(Arc<AmazonS3>, Key, MultipartId)>,
}

impl Abort {
    fn armed(store: Arc<AmazonS3>, name: Key, id: MultipartId) -> Abort {
        Abort { upload: Some((store, name, id)) }
    }

    fn disarm(mut self) {
        self.upload = None;
    }
}

impl Drop for Abort {
    fn drop(&mut self) {
        let Some((store, name, id)) = self.upload.take() else { return };
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            let abort = || store.abort_multipart(&name, &id);
            if let Err(error) = tried("giving up the parts of a file", SMALL, abort).await {
                tracing::warn!(%error, "parts of a file stay in the bucket");
            }
        });
    }
}
