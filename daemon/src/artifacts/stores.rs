//! From the configuration to the two stores.

use super::bucket::connect::Connection;
use super::error::ArtifactError;
use super::store::{Artifacts, StorePlace};
use crate::config::Config;

/// The two stores.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Finished files.
    pub files: Artifacts,
    /// Uploaded files.
    pub uploads: Artifacts,
}

impl Stores {
    /// The stores that are configured: two folders, or `files/` and `uploads/`
    /// below the prefix of a bucket, whose credentials are in `variables` as
    /// Amazon's own tools take them from the environment. This sends no request
    /// yet: see [`Artifacts::check`].
    ///
    /// # Errors
    /// When a folder can't be created, or the settings of the bucket are wrong.
    pub fn open(
        config: &Config,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Stores, ArtifactError> {
        let files = config.folders.files();
        let uploads = config.folders.uploads();
        let Some(connection) = Connection::new(&config.artifacts, variables)? else {
            let files = Artifacts::in_folder(&files)?;
            return Ok(Stores { files, uploads: Artifacts::in_folder(&uploads)? });
        };
        let below = |name| StorePlace::Bucket(connection.bucket(name));
        Ok(Stores {
            files: Artifacts::new(below("files"), &files),
            uploads: Artifacts::new(below("uploads"), &uploads),
        })
    }
}
