//! Reading an object: a stream that continues where it broke off.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::aws::AmazonS3;
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore as _};

use super::request::{ATTEMPTS, SMALL, backoff, with_retries};
use crate::artifacts::artifact::ReadRange;
use crate::artifacts::error::ArtifactError;

/// A service that sends nothing for so long counts as broken off.
const STALL: Duration = Duration::from_secs(15);

/// An object that is there.
#[derive(Debug)]
pub(super) struct Object {
    store: Arc<AmazonS3>,
    name: Key,
    /// The version that is read; a later one is an error.
    version: Option<String>,
}

struct Reading {
    object: Object,
    left: Range<u64>,
    body: Option<BoxStream<'static, object_store::Result<Bytes>>>,
    /// Breaks since the last byte.
    breaks: u32,
}

impl Object {
    pub(super) fn new(store: Arc<AmazonS3>, name: Key, version: Option<String>) -> Object {
        Object { store, name, version }
    }

    async fn get(&self, range: Range<u64>) -> Result<GetResult, ArtifactError> {
        let options = || GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: self.version.clone(),
            ..GetOptions::default()
        };
        with_retries("reading", SMALL, || self.store.get_opts(&self.name, options())).await
    }
}

impl ReadRange for Object {
    fn read(self: Box<Self>, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
        let first = Reading { object: *self, left: range, body: None, breaks: 0 };
        futures_util::stream::try_unfold(first, |mut reading| async move {
            match reading.next().await {
                Ok(Some(bytes)) => Ok(Some((bytes, reading))),
                Ok(None) => Ok(None),
                Err(error) => Err(io::Error::other(error)),
            }
        })
        .boxed()
    }
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, ArtifactError> {
        while !self.left.is_empty() {
            let body = match &mut self.body {
                Some(body) => body,
                None => {
                    let got = self.object.get(self.left.clone()).await?;
                    self.body.insert(got.into_stream())
                }
            };
            let broken = match tokio::time::timeout(STALL, body.next()).await {
                Ok(Some(Ok(mut bytes))) => {
                    let left = self.left.end - self.left.start;
                    // No longer than what it is cut to, so the cast is exact.
                    bytes.truncate(left.min(bytes.len() as u64) as usize);
                    self.left.start += bytes.len() as u64;
                    if bytes.is_empty() {
                        continue;
                    }
                    self.breaks = 0;
                    return Ok(Some(bytes));
                }
                Ok(Some(Err(error))) => ArtifactError::from(error),
                Ok(None) => object_store::Error::Generic {
                    store: "S3",
                    source: "the answer ended too early".into(),
                }
                .into(),
                Err(_) => ArtifactError::late("reading"),
            };
            self.body = None;
            self.breaks += 1;
            if self.breaks == ATTEMPTS {
                return Err(broken);
            }
            tracing::info!(
                error = %broken,
                artifact.offset_bytes = self.left.start,
                "reading a file from the bucket broke off; it continues at this offset"
            );
            tokio::time::sleep(backoff(self.breaks)).await;
        }
        Ok(None)
    }
}
