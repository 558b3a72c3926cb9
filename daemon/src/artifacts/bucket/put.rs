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

use super::Bucket;
use super::request::{LARGE, SMALL, with_retries};
use crate::artifacts::error::ArtifactError;
use crate::artifacts::media_type::extension_and_media_type;

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
        let media_type = extension_and_media_type(key.as_ref()).1;
        let attributes = Attributes::from_iter([(Attribute::ContentType, media_type)]);
        if size <= PART {
            let _permit = self.memory_permit().await?;
            let payload = PutPayload::from(read_piece(&file, 0, size).await?);
            let options = PutOptions { attributes, ..PutOptions::default() };
            let send = || self.store.put_opts(&name, payload.clone(), options.clone());
            with_retries("sending a file", LARGE, send).await?;
        } else {
            self.put_parts(&name, &file, size, attributes).await?;
        }
        // The bytes are safe; a local file that stays costs room and nothing else.
        if let Err(error) = tokio::fs::remove_file(from).await {
            tracing::warn!(%error, "a file that is in the bucket now could not be removed from the disk");
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
        let start = || self.store.create_multipart_opts(name, options.clone());
        let id = with_retries("starting to send a file", SMALL, start).await?;
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
        if let Err(error) = with_retries("joining the parts of a file", LARGE, join).await {
            // An attempt whose answer was lost may have joined them, and ended the upload.
            let is_complete = error.is_missing()
                && with_retries("looking for a file", SMALL, || self.store.head(name))
                    .await
                    .is_ok_and(|meta| meta.size == size);
            if !is_complete {
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
        let _permit = self.memory_permit().await?;
        let payload =
            PutPayload::from(read_piece(file, range.start, range.end - range.start).await?);
        let send = || self.store.put_part(name, id, number, payload.clone());
        with_retries("sending a part of a file", LARGE, send).await
    }

    /// Permission to hold a part in memory.
    async fn memory_permit(&self) -> Result<tokio::sync::SemaphorePermit<'_>, ArtifactError> {
        self.parts.acquire().await.map_err(|closed| std::io::Error::other(closed).into())
    }
}

async fn read_piece(
    file: &Arc<std::fs::File>,
    start: u64,
    length: u64,
) -> Result<Bytes, ArtifactError> {
    let file = Arc::clone(file);
    let reading = tokio::task::spawn_blocking(move || {
        let length = usize::try_from(length).map_err(std::io::Error::other)?;
        let mut piece = vec![0; length];
        file.read_exact_at(&mut piece, start).map(|()| Bytes::from(piece))
    });
    Ok(reading.await.map_err(std::io::Error::other)??)
}

/// Drops the parts of an upload unless [`Abort::disarm`] was called: a service
/// keeps parts, and charges for them, until they are joined or dropped.
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
            if let Err(error) = with_retries("dropping the parts of a file", SMALL, abort).await {
                tracing::warn!(%error, "parts of an aborted upload stay in the bucket");
            }
        });
    }
}
