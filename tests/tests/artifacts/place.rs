//! A store to test, and what is around it.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clipmill::artifacts::{Artifacts, Stores};
use clipmill::config::{ArtifactsConfig, Config};
use clipmill_tests::s3::{BUCKET, S3, WRITER};
use futures_util::TryStreamExt as _;
use tempfile::TempDir;

/// A store, with a folder for what goes in and comes out.
pub struct Place {
    pub store: Artifacts,
    pub work: TempDir,
    /// The service, when it is a bucket.
    pub s3: Option<S3>,
}

impl Place {
    pub fn folder() -> Place {
        let work = tempfile::tempdir().unwrap();
        let store = Artifacts::in_folder(&work.path().join("files")).unwrap();
        Place { store, work, s3: None }
    }

    pub fn bucket() -> Place {
        let (work, s3) = (tempfile::tempdir().unwrap(), S3::new());
        let store = open(&s3, &work, BUCKET, &WRITER).files;
        Place { store, work, s3: Some(s3) }
    }

    /// The service of a bucket.
    pub fn s3(&self) -> &S3 {
        self.s3.as_ref().unwrap()
    }

    /// Where the store's files are on the disk.
    pub fn files(&self) -> PathBuf {
        match &self.s3 {
            Some(s3) => s3.folder().join("some/place/files"),
            None => self.work.path().join("files"),
        }
    }

    /// A file with these bytes, to be put in.
    pub fn draft(&self, bytes: &[u8]) -> PathBuf {
        let (_, path) = tempfile::NamedTempFile::new_in(&self.work).unwrap().keep().unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub async fn put(&self, key: &str, bytes: &[u8]) {
        let size = self.store.put(key, &self.draft(bytes)).await.unwrap();
        assert_eq!(size, bytes.len() as u64);
    }

    /// All bytes of a file that must be there.
    pub async fn get(&self, key: &str) -> Vec<u8> {
        let artifact = self.store.open(key).await.unwrap().expect("the file is there");
        let pieces: Vec<Bytes> = artifact.read(0..u64::MAX).try_collect().await.unwrap();
        pieces.concat()
    }

    pub async fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> =
            self.store.keys().map_ok(|stored| stored.key).try_collect().await.unwrap();
        keys.sort();
        keys
    }
}

/// The stores of a bucket of this service, with these credentials.
pub fn open(s3: &S3, work: &TempDir, bucket: &str, variables: &[(&str, &str)]) -> Stores {
    let mut config = Config::default();
    config.folders.data = work.path().join("data");
    config.artifacts = ArtifactsConfig {
        url: Some(format!("s3://{bucket}/some/place")),
        endpoint: Some(s3.endpoint()),
        ..ArtifactsConfig::default()
    };
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Stores::open(&config, variables).unwrap()
}

/// Bytes of which no two pieces are the same.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Waits until something is so.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} did not happen");
}
