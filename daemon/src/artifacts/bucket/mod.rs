//! A store in a bucket of an S3-compatible service, below a prefix.

pub(super) mod connect;
mod put;
mod read;
mod request;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::Method;
use object_store::aws::AmazonS3;
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::path::Path as Key;
use object_store::signer::{SignedUrlOptions, Signer as _};
use object_store::{ObjectStoreExt as _, PutPayload};
use tokio::sync::Semaphore;
use url::Url;

use self::read::Object;
use self::request::{SMALL, with_retries};
use super::artifact::{Artifact, Shown, Stored};
use super::error::ArtifactError;

/// Files below one prefix of a bucket.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    store: Arc<AmazonS3>,
    prefix: Key,
    /// Permits for parts in memory, shared by all uploads to this service.
    parts: Arc<Semaphore>,
    service: Arc<Service>,
}

/// What messages for the operator say of the service.
#[derive(Debug)]
pub(super) struct Service {
    /// Name of the bucket.
    pub bucket: String,
    /// Where it is.
    pub endpoint: String,
    /// Whether the environment names credentials of any kind; otherwise the
    /// library asks the virtual machine's host for them.
    pub has_credentials: bool,
}

impl Bucket {
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Where it is, in the operator's words.
    pub fn describe(&self) -> String {
        format!("s3://{}/{} at {}", self.service.bucket, self.prefix, self.service.endpoint)
    }

    /// The name of a key in the bucket.
    fn object(&self, key: &Key) -> Key {
        Key::from_iter(self.prefix.parts().chain(key.parts()))
    }

    /// Writes a few bytes.
    pub async fn write(&self, key: &Key, bytes: Bytes) -> Result<(), ArtifactError> {
        let name = self.object(key);
        let payload = PutPayload::from(bytes);
        with_retries("writing", SMALL, || self.store.put(&name, payload.clone())).await?;
        Ok(())
    }

    pub async fn open(&self, key: &Key) -> Result<Option<Artifact>, ArtifactError> {
        let name = self.object(key);
        let meta = match with_retries("looking for a file", SMALL, || self.store.head(&name)).await
        {
            Ok(meta) => meta,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error),
        };
        let etag = meta.e_tag.clone().unwrap_or_else(|| {
            format!("\"{:x}-{:x}\"", meta.last_modified.timestamp_micros(), meta.size)
        });
        let object = Object::new(Arc::clone(&self.store), name, meta.e_tag);
        Ok(Some(Artifact { size: meta.size, etag, content: Box::new(object) }))
    }

    pub async fn delete(&self, key: &Key) -> Result<(), ArtifactError> {
        let name = self.object(key);
        match with_retries("removing a file", SMALL, || self.store.delete(&name)).await {
            Err(error) if !error.is_missing() => Err(error),
            _ => Ok(()),
        }
    }

    pub fn keys(&self) -> BoxStream<'static, Result<Stored, ArtifactError>> {
        let first = Some((self.clone(), None));
        let pages = futures_util::stream::try_unfold(first, |state| async move {
            let Some((bucket, token)) = state else { return Ok(None) };
            let (page, token) = bucket.page(token, None).await?;
            Ok::<_, ArtifactError>(Some((page, token.map(|token| (bucket, Some(token))))))
        });
        pages
            .map_ok(|page| futures_util::stream::iter(page.into_iter().map(Ok)))
            .try_flatten()
            .boxed()
    }

    /// One page of the list, and what leads to the next one.
    pub async fn page(
        &self,
        token: Option<String>,
        most: Option<usize>,
    ) -> Result<(Vec<Stored>, Option<String>), ArtifactError> {
        let options = || PaginatedListOptions {
            page_token: token.clone(),
            max_keys: most,
            ..PaginatedListOptions::default()
        };
        let prefix = format!("{}/", self.prefix);
        let list = || self.store.list_paginated(Some(&prefix), options());
        let page = with_retries("listing", SMALL, list).await?;
        let stored = page.result.objects.into_iter().filter_map(|meta| {
            let key = meta.location.as_ref().strip_prefix(&prefix)?.to_owned();
            Some(Stored { key, changed: meta.last_modified })
        });
        Ok((stored.collect(), page.page_token))
    }

    /// A signed address for a GET.
    pub async fn sign(
        &self,
        key: &Key,
        life: Duration,
        shown: Shown<'_>,
    ) -> Result<Url, ArtifactError> {
        let name = self.object(key);
        let options = SignedUrlOptions::default().with_query([
            ("response-content-disposition", shown.disposition),
            ("response-content-type", shown.media_type),
            ("response-cache-control", "private, no-cache"),
        ]);
        let sign = || self.store.signed_url_opts(Method::GET, &name, life, &options);
        let mut url = with_retries("signing an address", SMALL, sign).await?;
        // A space is written as a plus here, which not every service reads as
        // one; the signature is over what is meant and holds for both.
        let query = url.query().map(|query| query.replace('+', "%20"));
        url.set_query(query.as_deref());
        Ok(url)
    }
}
