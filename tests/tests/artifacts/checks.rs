//! What is wrong is told in words that an operator can act on.

use clipmill::artifacts::{ArtifactError, Artifacts};
use clipmill_core::{Code, Retry};
use clipmill_tests::s3::{Asked, BUCKET, READER, S3, WRITER};
use tempfile::TempDir;

use crate::place::open;

async fn refused(store: &Artifacts, words: &[&str]) -> ArtifactError {
    let error = store.check().await.unwrap_err();
    for word in words {
        assert!(error.message.contains(word), "`{word}` is not in: {error}");
    }
    assert_eq!(error.code, Code::ArtifactStore);
    error
}

#[tokio::test]
async fn what_is_wrong_with_a_bucket_is_told() {
    let (s3, work) = (S3::new(), TempDir::new().unwrap());
    let endpoint = s3.endpoint();
    open(&s3, &work, BUCKET, &WRITER).files.check().await.unwrap();

    let [id, secret] = WRITER;
    let unknown = [("AWS_ACCESS_KEY_ID", "nobody"), secret];
    let wrong = [id, ("AWS_SECRET_ACCESS_KEY", "guessed")];
    for (variables, code) in [(unknown, "InvalidAccessKeyId"), (wrong, "SignatureDoesNotMatch")] {
        let store = open(&s3, &work, BUCKET, &variables).files;
        let words = ["refuses the credentials", code, "AWS_ACCESS_KEY_ID", &endpoint];
        assert_eq!(refused(&store, &words).await.retry, Retry::Never);
    }

    let store = open(&s3, &work, "other-bucket", &WRITER).files;
    let words = ["there is no bucket `other-bucket`", "artifacts.url", &endpoint];
    assert_eq!(refused(&store, &words).await.retry, Retry::Never);

    let store = open(&s3, &work, BUCKET, &READER).uploads;
    let words = ["s3://clips/some/place/uploads", "can't be written", "s3:PutObject"];
    assert_eq!(refused(&store, &words).await.retry, Retry::Never);
    assert_eq!(
        store.problem().await.as_deref(),
        Some("the artifact store can't be written or read"),
        "clients hear of no addresses"
    );

    // Nobody listens where the machine's own credentials would be.
    let nowhere = [("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")];
    let store = open(&s3, &work, BUCKET, &nowhere).files;
    refused(&store, &["there are no credentials", "AWS_ACCESS_KEY_ID"]).await;

    let store = open(&s3, &work, BUCKET, &WRITER).files;
    drop(s3);
    let words = [endpoint.as_str(), "can't be reached", "artifacts.endpoint"];
    assert_eq!(refused(&store, &words).await.retry, Retry::Later);
}

#[tokio::test]
async fn health_is_asked_of_the_service_now_and_then_only() {
    let (s3, work) = (S3::new(), TempDir::new().unwrap());
    let store = open(&s3, &work, BUCKET, &WRITER).files;
    s3.stall(Asked::Put, 1);
    // Who asks meanwhile waits for the same answer.
    let (first, second) = tokio::join!(store.problem(), store.problem());
    assert_eq!(first.as_deref(), Some("the artifact store does not answer"));
    assert_eq!(first, second);
    assert_eq!(store.problem().await, first);
    assert_eq!(s3.count(Asked::Put), 1);
}
