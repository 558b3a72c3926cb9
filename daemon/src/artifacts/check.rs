//! Whether a store can be used: a small file is written, read back and
//! removed, and what goes wrong is told in words that an operator can act on.

use clipmill_core::Code;
use std::time::Duration;

use bytes::Bytes;
use clipmill_core::Id;
use futures_util::TryStreamExt as _;
use object_store::path::Path as Key;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::bucket::Bucket;
use super::{ArtifactError, Artifacts, Place, Why};

/// How long the answer that all is well stays good: whoever watches this node
/// may ask often, and requests cost money.
const GOOD: Duration = Duration::from_secs(30);
/// How long the answer that it is not stays good.
const BAD: Duration = Duration::from_secs(5);
/// The longest that somebody waits for such an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was last found out, and when.
#[derive(Debug, Default)]
pub(super) struct Health {
    last: Mutex<Option<(Instant, Option<String>)>>,
}

/// What was tried.
#[derive(Debug, Clone, Copy)]
enum Step {
    Write,
    Read,
    Remove,
    List,
}

impl Artifacts {
    /// Whether files can be written, read, removed and listed: for the start.
    ///
    /// # Errors
    /// What is wrong, with what to do about it.
    pub async fn check(&self) -> Result<(), ArtifactError> {
        self.probe().await?;
        let first = match &self.inner.place {
            Place::Folder(folder) => folder.keys().try_next().await.map(drop),
            Place::Bucket(bucket) => bucket.page(None, Some(1)).await.map(drop),
        };
        first.map_err(|error| self.explain(Step::List, error))
    }

    /// What is wrong with the store, in words that name neither folders nor
    /// addresses; none when all is well. Asks the store now and then only.
    pub async fn problem(&self) -> Option<String> {
        // Who comes meanwhile waits for the same answer.
        let mut last = self.inner.health.last.lock().await;
        if let Some((at, problem)) = &*last
            && at.elapsed() < if problem.is_none() { GOOD } else { BAD }
        {
            return problem.clone();
        }
        let found = match tokio::time::timeout(PATIENCE, self.probe()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the artifact store does not work");
                Some(match error.code {
                    Code::DiskFull => "the artifact store is full".to_owned(),
                    _ => "the artifact store can't be written or read".to_owned(),
                })
            }
            Err(_) => Some("the artifact store does not answer".to_owned()),
        };
        *last = Some((Instant::now(), found.clone()));
        found
    }

    /// Writes, reads and removes a small file.
    async fn probe(&self) -> Result<(), ArtifactError> {
        // Begins like the keys of files, so that what a crash leaves is swept.
        let name = format!("{}.probe", Id::generate(chrono::Utc::now()));
        let key = Key::from(name.as_str());
        let bytes = Bytes::from(name.clone().into_bytes());
        let written = match &self.inner.place {
            Place::Folder(folder) => folder.write(&key, bytes.clone()).await,
            Place::Bucket(bucket) => bucket.write(&key, bytes.clone()).await,
        };
        written.map_err(|error| self.explain(Step::Write, error))?;
        let read = match self.read_all(&key).await {
            Ok(read) if read == bytes => Ok(()),
            Ok(_) => {
                let message = "what was written is not what is read back";
                Err(ArtifactError::new(Why::Other, message))
            }
            Err(error) => Err(error),
        };
        let removed = match &self.inner.place {
            Place::Folder(folder) => folder.delete(&key).await,
            Place::Bucket(bucket) => bucket.delete(&key).await,
        };
        read.map_err(|error| self.explain(Step::Read, error))?;
        removed.map_err(|error| self.explain(Step::Remove, error))
    }

    async fn read_all(&self, key: &Key) -> Result<Vec<u8>, ArtifactError> {
        let Some(artifact) = self.open_key(key).await? else { return Ok(Vec::new()) };
        let pieces: Vec<Bytes> = artifact.read(0..u64::MAX).try_collect().await?;
        Ok(pieces.concat())
    }

    fn explain(&self, step: Step, error: ArtifactError) -> ArtifactError {
        match &self.inner.place {
            Place::Folder(folder) => {
                let message = format!("{} can't be {}: {error}", folder.describe(), step.done());
                error.told(message)
            }
            Place::Bucket(bucket) => explain(bucket, step, error),
        }
    }
}

impl Step {
    fn done(self) -> &'static str {
        match self {
            Step::Write => "written",
            Step::Read => "read",
            Step::Remove => "cleared of files",
            Step::List => "listed",
        }
    }

    /// What a policy must allow.
    fn permission(self) -> &'static str {
        match self {
            Step::Write => "s3:PutObject and s3:AbortMultipartUpload",
            Step::Read => "s3:GetObject",
            Step::Remove => "s3:DeleteObject",
            Step::List => "s3:ListBucket",
        }
    }
}

fn explain(bucket: &Bucket, step: Step, error: ArtifactError) -> ArtifactError {
    let about = bucket.about();
    let (place, endpoint) = (bucket.describe(), &about.endpoint);
    if !about.has_credentials && error.message.contains("/latest/") {
        return error.told(format!(
            "{place}: there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ));
    }
    let message = match &error.why {
        Why::Unreachable => format!(
            "{endpoint} can't be reached: {error}; check artifacts.endpoint and the network"
        ),
        Why::Late => {
            format!("{endpoint} does not answer in time; check artifacts.endpoint and the network")
        }
        Why::Missing => format!(
            "there is no bucket `{}` at {endpoint}; create it or correct artifacts.url",
            about.bucket
        ),
        Why::Refused(code) => match code.as_deref() {
            Some("AccessDenied" | "AllAccessDisabled") => format!(
                "{place} can't be {} with these credentials; allow them {}",
                step.done(),
                step.permission()
            ),
            Some("RequestTimeTooSkewed") => {
                format!("{endpoint} refuses us because the clock of this machine is wrong")
            }
            Some("AuthorizationHeaderMalformed" | "PermanentRedirect") => {
                format!("the bucket `{}` is in another region; set artifacts.region", about.bucket)
            }
            None if error.message.contains("Received redirect") => {
                format!("the bucket `{}` is in another region; set artifacts.region", about.bucket)
            }
            Some(code) if CREDENTIAL_CODES.contains(&code) => format!(
                "{endpoint} refuses the credentials ({code}); check AWS_ACCESS_KEY_ID, \
                 AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
            ),
            _ => format!("{place} can't be {}: {error}", step.done()),
        },
        Why::Other => format!("{place} can't be {}: {error}", step.done()),
    };
    error.told(message)
}

/// What services answer to credentials that they don't know.
const CREDENTIAL_CODES: &[&str] = &[
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidToken",
    "NotSignedUp",
    "SignatureDoesNotMatch",
];
