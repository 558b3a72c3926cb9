//! Who may do what: a writer everything, a reader only look. Nobody may do anything in a bucket or
//! an upload that is not there, which the service behind this takes otherwise than others do.

use std::path::{Path, PathBuf};

use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};

/// Variables with the credentials of who may do everything.
pub const WRITER: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "writer"), ("AWS_SECRET_ACCESS_KEY", "a secret of the writer")];

/// Variables with the credentials of who may only read and list.
pub const READER: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "reader"), ("AWS_SECRET_ACCESS_KEY", "a secret of the reader")];

/// The secrets.
pub(super) struct Keys;

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, key: &str) -> S3Result<SecretKey> {
        let known = [WRITER, READER].into_iter().find(|[(_, id), _]| *id == key);
        match known {
            Some([_, (_, secret)]) => Ok(SecretKey::from(secret)),
            None => Err(s3_error!(InvalidAccessKeyId, "The access key is not known")),
        }
    }
}

/// What is allowed.
pub(super) struct Policy {
    folder: PathBuf,
}

impl Policy {
    /// For the buckets in this folder.
    pub fn of(folder: &Path) -> Policy {
        Policy { folder: folder.to_owned() }
    }
}

impl Policy {
    /// The service behind this keeps what it knows of an upload in a file.
    fn has_upload(&self, id: &str) -> bool {
        self.folder.join(format!(".upload-{id}.json")).is_file()
    }
}

/// The upload that a request belongs to.
fn upload(uri: &http::Uri) -> Option<String> {
    let query = uri.query()?;
    let id = query.split('&').find_map(|pair| pair.strip_prefix("uploadId="))?;
    id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-').then(|| id.to_owned())
}

#[async_trait::async_trait]
impl S3Access for Policy {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(who) = context.credentials() else {
            return Err(s3_error!(AccessDenied, "Who are you?"));
        };
        let bucket = context.s3_path().get_bucket_name();
        if bucket.is_some_and(|bucket| !self.folder.join(bucket).is_dir()) {
            return Err(s3_error!(NoSuchBucket, "There is no such bucket"));
        }
        if upload(context.uri()).is_some_and(|id| !self.has_upload(&id)) {
            return Err(s3_error!(NoSuchUpload, "It was joined or given up"));
        }
        let operation = context.s3_op().name();
        let only_looks = ["Get", "Head", "List"].iter().any(|word| operation.starts_with(word));
        if who.access_key == "reader" && !only_looks {
            return Err(s3_error!(AccessDenied, "Readers may only read"));
        }
        Ok(())
    }
}
