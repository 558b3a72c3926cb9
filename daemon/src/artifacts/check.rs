//! Whether a store can be used: the check writes a small file, reads it back and
//! removes it, and explains a failure in words that an operator can act on.

use std::time::Duration;

use bytes::Bytes;
use clipmill_core::{Code, Id};
use futures_util::TryStreamExt as _;
use object_store::path::Path as Key;
use tokio::time::Instant;

use super::bucket::Bucket;
use super::error::{ArtifactError, FailureKind};
use super::store::{Artifacts, LastCheck, StorePlace};

/// How long a good result is kept: monitoring may ask often, and requests cost
/// money.
const KEEP_GOOD: Duration = Duration::from_secs(30);
/// How long a bad result is kept.
const KEEP_BAD: Duration = Duration::from_secs(5);
/// How long a check for [`Artifacts::problem`] may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// What the check was doing.
#[derive(Debug, Clone, Copy)]
enum Step {
    Write,
    Read,
    Remove,
    List,
}

impl Artifacts {
    /// Whether files can be written, read, removed and listed. Used at start.
    ///
    /// # Errors
    /// What is wrong, with what to do about it.
    pub async fn check(&self) -> Result<(), ArtifactError> {
        self.probe().await?;
        let first = match self.place() {
            StorePlace::Folder(folder) => folder.keys().try_next().await.map(drop),
            StorePlace::Bucket(bucket) => bucket.page(None, Some(1)).await.map(drop),
        };
        first.map_err(|error| self.explain(Step::List, error))
    }

    /// What is wrong with the store, in words that name neither folders nor
    /// addresses; none when all is well. Results are kept for some seconds, so
    /// that a caller may ask often.
    pub async fn problem(&self) -> Option<String> {
        // Callers that come meanwhile wait for the same result.
        let mut last = self.last_check().lock().await;
        if let Some(LastCheck { checked, problem }) = &*last
            && checked.elapsed() < if problem.is_none() { KEEP_GOOD } else { KEEP_BAD }
        {
            return problem.clone();
        }
        let problem = match tokio::time::timeout(DEADLINE, self.probe()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the check of the artifact store failed");
                Some(match error.code {
                    Code::DiskFull => "the artifact store is full".to_owned(),
                    _ => "the artifact store can't be written or read".to_owned(),
                })
            }
            Err(_) => Some("the artifact store does not answer".to_owned()),
        };
        *last = Some(LastCheck { checked: Instant::now(), problem: problem.clone() });
        problem
    }

    /// Writes, reads and removes a small file.
    async fn probe(&self) -> Result<(), ArtifactError> {
        // Starts as the keys of files do, so that the sweeper removes what a crash leaves.
        let name = format!("{}.probe", Id::generate(chrono::Utc::now()));
        let key = Key::from(name.as_str());
        let bytes = Bytes::from(name.into_bytes());
        let written = self.write(&key, bytes.clone()).await;
        written.map_err(|error| self.explain(Step::Write, error))?;
        let read = match self.read_all(&key).await {
            Ok(read) if read == bytes => Ok(()),
            Ok(_) => {
                let message = "what was written is not what is read back";
                Err(ArtifactError::new(FailureKind::Other, message))
            }
            Err(error) => Err(error),
        };
        let removed = self.delete_key(&key).await;
        read.map_err(|error| self.explain(Step::Read, error))?;
        removed.map_err(|error| self.explain(Step::Remove, error))
    }

    async fn read_all(&self, key: &Key) -> Result<Vec<u8>, ArtifactError> {
        let Some(artifact) = self.open_key(key).await? else { return Ok(Vec::new()) };
        let pieces: Vec<Bytes> = artifact.read(0..u64::MAX).try_collect().await?;
        Ok(pieces.concat())
    }

    fn explain(&self, step: Step, error: ArtifactError) -> ArtifactError {
        match self.place() {
            StorePlace::Folder(folder) => {
                let message = format!("{} can't be {}: {error}", folder.describe(), step.done());
                error.with_message(message)
            }
            StorePlace::Bucket(bucket) => explain_bucket(bucket, step, error),
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

/// The failure in words that say what to do about it.
fn explain_bucket(bucket: &Bucket, step: Step, error: ArtifactError) -> ArtifactError {
    let service = bucket.service();
    let place = bucket.describe();
    let endpoint = &service.endpoint;
    if !service.has_credentials && error.is_of_machine_credentials() {
        return error.with_message(format!(
            "{place}: there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ));
    }
    let message = match &error.kind {
        FailureKind::Unreachable => format!(
            "{endpoint} can't be reached: {error}; check artifacts.endpoint and the network"
        ),
        FailureKind::Late => {
            format!("{endpoint} does not answer in time; check artifacts.endpoint and the network")
        }
        FailureKind::Missing => format!(
            "there is no bucket `{}` at {endpoint}; create it or correct artifacts.url",
            service.bucket
        ),
        FailureKind::Refused(code) => match code.as_deref() {
            Some("AccessDenied" | "AllAccessDisabled") => format!(
                "{place} can't be {} with these credentials; allow them {}",
                step.done(),
                step.permission()
            ),
            Some("RequestTimeTooSkewed") => {
                format!("{endpoint} refuses us because the clock of this machine is wrong")
            }
            Some("AuthorizationHeaderMalformed" | "PermanentRedirect") => {
                format!(
                    "the bucket `{}` is in another region; set artifacts.region",
                    service.bucket
                )
            }
            None if error.is_redirect() => {
                format!(
                    "the bucket `{}` is in another region; set artifacts.region",
                    service.bucket
                )
            }
            Some(code) if CREDENTIAL_CODES.contains(&code) => format!(
                "{endpoint} refuses the credentials ({code}); check AWS_ACCESS_KEY_ID, \
                 AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
            ),
            _ => format!("{place} can't be {}: {error}", step.done()),
        },
        FailureKind::Other => format!("{place} can't be {}: {error}", step.done()),
    };
    error.with_message(message)
}

/// Codes of S3 services for credentials that they don't know or don't accept.
const CREDENTIAL_CODES: &[&str] = &[
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidToken",
    "NotSignedUp",
    "SignatureDoesNotMatch",
];
