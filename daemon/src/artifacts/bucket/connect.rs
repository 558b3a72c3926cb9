//! From the settings of a bucket to a connection.

use std::sync::{Arc, Once};
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Key;
use object_store::{ClientOptions, RetryConfig};
use tokio::sync::Semaphore;

use super::{Bucket, Service};
use crate::artifacts::error::{ArtifactError, FailureKind};
use crate::config::{ArtifactsConfig, BucketUrl};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// Parts in memory at a time, of all uploads together.
const PARTS: usize = 6;
/// The region for services that have none.
const REGION: &str = "us-east-1";

/// Variables that name credentials.
const CREDENTIALS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];
/// Variables that say how to get credentials, and how objects are kept. clipmill
/// sets the others, such as the endpoint, itself.
const OTHERS: &[&str] = &[
    "AWS_ENDPOINT_URL_STS",
    "AWS_IMDSV1_FALLBACK",
    "AWS_METADATA_ENDPOINT",
    "AWS_REQUEST_PAYER",
    "AWS_SERVER_SIDE_ENCRYPTION",
    "AWS_SSE_BUCKET_KEY_ENABLED",
    "AWS_SSE_KMS_KEY_ID",
];
/// Variables that name the region when the settings don't; the first that is set
/// counts.
const REGIONS: &[&str] = &["AWS_REGION", "AWS_DEFAULT_REGION"];

/// A connection to a service. Nothing is sent before the first request.
#[derive(Debug)]
pub(in crate::artifacts) struct Connection {
    store: Arc<AmazonS3>,
    prefix: Key,
    parts: Arc<Semaphore>,
    service: Arc<Service>,
}

impl Connection {
    /// The connection of these settings; none when they name no bucket.
    ///
    /// # Errors
    /// When the settings or the variables are wrong.
    pub fn new(
        settings: &ArtifactsConfig,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Option<Connection>, ArtifactError> {
        let Some(url) = &settings.url else { return Ok(None) };
        let BucketUrl { bucket, prefix } = BucketUrl::parse(url).map_err(refused)?;
        let prefix = Key::parse(prefix).map_err(|error| refused(error.to_string()))?;
        let Environment { mut builder, has_credentials, region } = Environment::read(variables)?;
        let region = settings.region.clone().or(region).unwrap_or_else(|| REGION.to_owned());
        let path_style = settings.path_style(&bucket);
        let mut http = ClientOptions::new().with_timeout_disabled().with_connect_timeout(CONNECT);
        let endpoint = match &settings.endpoint {
            None => format!("Amazon S3 ({region})"),
            Some(endpoint) => {
                http = http.with_allow_http(endpoint.starts_with("http://"));
                let address = address(endpoint, &bucket, path_style).map_err(refused)?;
                builder = builder.with_endpoint(address);
                endpoint.clone()
            }
        };
        install_tls_provider();
        let store = builder
            .with_bucket_name(&bucket)
            .with_region(region)
            .with_virtual_hosted_style_request(!path_style)
            // One request for each file: not every service removes several at a time.
            .with_disable_bulk_delete(true)
            // `with_retries` counts and times the attempts.
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .with_client_options(http)
            .build()?;
        Ok(Some(Connection {
            store: Arc::new(store),
            prefix,
            parts: Arc::new(Semaphore::new(PARTS)),
            service: Arc::new(Service { bucket, endpoint, has_credentials }),
        }))
    }

    /// The bucket below the prefix and this name.
    pub fn bucket(&self, name: &str) -> Bucket {
        Bucket {
            store: Arc::clone(&self.store),
            prefix: self.prefix.clone().join(name),
            parts: Arc::clone(&self.parts),
            service: Arc::clone(&self.service),
        }
    }
}

/// What the variables say.
struct Environment {
    /// Has the credentials and what else they set.
    builder: AmazonS3Builder,
    has_credentials: bool,
    region: Option<String>,
}

impl Environment {
    fn read(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Environment, ArtifactError> {
        let mut builder = AmazonS3Builder::new();
        let mut has_credentials = false;
        let mut regions = [None, None];
        for (name, value) in variables.into_iter().filter(|(_, value)| !value.is_empty()) {
            if let Some(rank) = REGIONS.iter().position(|region| *region == name) {
                regions[rank] = Some(value);
                continue;
            }
            let is_credential = CREDENTIALS.contains(&name.as_str());
            if is_credential || OTHERS.contains(&name.as_str()) {
                has_credentials |= is_credential;
                let key: AmazonS3ConfigKey = name.to_ascii_lowercase().parse()?;
                builder = builder.with_config(key, value);
            }
        }
        Ok(Environment { builder, has_credentials, region: regions.into_iter().flatten().next() })
    }
}

/// The address that requests go to: the bucket is in their paths, or before
/// the name of the host.
fn address(endpoint: &str, bucket: &str, path_style: bool) -> Result<String, String> {
    let endpoint = endpoint.trim_end_matches('/');
    if path_style {
        return Ok(endpoint.to_owned());
    }
    let (scheme, host) = endpoint.split_once("://").ok_or("artifacts.endpoint is no address")?;
    Ok(format!("{scheme}://{bucket}.{host}"))
}

fn refused(problem: impl Into<String>) -> ArtifactError {
    ArtifactError::new(FailureKind::Refused(None), problem)
}

/// rustls wants one provider of cryptography in the process.
fn install_tls_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that one is installed already; it serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_bucket_is_in_the_path_or_before_the_host() {
        let address =
            |path_style| address("https://s3.example.org:9000/", "clips", path_style).unwrap();
        assert_eq!(address(true), "https://s3.example.org:9000");
        assert_eq!(address(false), "https://clips.s3.example.org:9000");
    }

    #[test]
    fn only_what_we_take_is_taken_from_the_environment() {
        let settings = ArtifactsConfig {
            url: Some("s3://clips/some/place/".to_owned()),
            endpoint: Some("http://127.0.0.1:9000".to_owned()),
            ..ArtifactsConfig::default()
        };
        let variables = [
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_ENDPOINT_URL_S3", "http://elsewhere"),
            ("AWS_SKIP_SIGNATURE", "true"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let connection = Connection::new(&settings, variables).unwrap().unwrap();
        let bucket = connection.bucket("files");
        assert_eq!(bucket.describe(), "s3://clips/some/place/files at http://127.0.0.1:9000");
        assert!(bucket.service().has_credentials);
        let all = format!("{:?}", connection.store);
        assert!(all.contains("eu-west-1") && !all.contains("elsewhere"), "{all}");
        assert!(all.contains("skip_signature: false"), "{all}");
    }
}
