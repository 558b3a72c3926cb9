//! `[artifacts]`: where finished files and uploads are kept.

use serde::{Deserialize, Serialize};
use url::Url;

/// The longest life of a signed address, seconds: services allow a week.
const LONGEST_LIFE: u64 = 7 * 24 * 3600;

/// `[artifacts]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArtifactsConfig {
    /// `s3://BUCKET/PREFIX`; the folders for files and uploads when absent.
    pub url: Option<String>,
    /// Address of the S3 service; Amazon's when absent.
    pub endpoint: Option<String>,
    /// Region of the bucket; AWS_REGION, else us-east-1, when absent.
    pub region: Option<String>,
    /// Whether the bucket is in the path of requests, not in the name of the
    /// host; true when absent and there is an endpoint.
    pub path_style: Option<bool>,
    /// Whether downloads are answered with a signed address of the service.
    pub redirect: bool,
    /// Life of a signed address, seconds; never longer than the file's.
    pub redirect_seconds: u64,
}

impl Default for ArtifactsConfig {
    fn default() -> ArtifactsConfig {
        ArtifactsConfig {
            url: None,
            endpoint: None,
            region: None,
            path_style: None,
            redirect: false,
            redirect_seconds: 300,
        }
    }
}

impl ArtifactsConfig {
    /// Whether the bucket is in the path of requests. A name with dots does not
    /// fit the certificates of a service that has it in the host's name.
    pub fn path_style(&self, bucket: &str) -> bool {
        self.path_style.unwrap_or(self.endpoint.is_some() || bucket.contains('.'))
    }

    /// Reports what is wrong to `rule`.
    pub(super) fn check(&self, rule: &mut impl FnMut(bool, &str)) {
        if let Some(Err(problem)) = self.url.as_deref().map(BucketUrl::parse) {
            rule(false, &format!("artifacts.url: {problem}"));
        }
        rule(
            self.endpoint.as_deref().is_none_or(is_address),
            "artifacts.endpoint: must be an http:// or https:// address without a path",
        );
        rule(
            (1..=LONGEST_LIFE).contains(&self.redirect_seconds),
            "artifacts.redirect_seconds: must be 1 to 604800",
        );
        let alone = [
            (self.endpoint.is_some(), "endpoint"),
            (self.region.is_some(), "region"),
            (self.path_style.is_some(), "path_style"),
            (self.redirect, "redirect"),
        ];
        for (_, name) in alone.iter().filter(|(is_set, _)| *is_set && self.url.is_none()) {
            rule(false, &format!("artifacts.{name}: means nothing without artifacts.url"));
        }
    }
}

fn is_address(text: &str) -> bool {
    let is_bare = |url: &Url| {
        url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && is_bare(&url))
}

/// A bucket, and the place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketUrl {
    /// Its name.
    pub bucket: String,
    /// What all keys in it start with, without slashes at its ends; may be empty.
    pub prefix: String,
}

impl BucketUrl {
    /// Reads `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    /// What is wrong with it, human-readable.
    pub fn parse(url: &str) -> Result<BucketUrl, &'static str> {
        let rest = url.strip_prefix("s3://").ok_or("must be s3://BUCKET/PREFIX")?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_fitting =
            |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-_".contains(&c);
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(is_fitting) {
            return Err("a bucket's name has 3 to 63 small letters, digits, dots and dashes");
        }
        let prefix = prefix.trim_end_matches('/');
        let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"!-_.*'()/".contains(&c);
        let is_odd = |part: &str| matches!(part, "" | "." | "..");
        if !prefix.bytes().all(is_plain) || (!prefix.is_empty() && prefix.split('/').any(is_odd)) {
            return Err("the prefix must be names of letters, digits, dots and dashes");
        }
        Ok(BucketUrl { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_bucket_and_its_prefix_are_read() {
        for (url, bucket, prefix) in [
            ("s3://clips", "clips", ""),
            ("s3://clips/", "clips", ""),
            ("s3://my.clips-2/a/b/", "my.clips-2", "a/b"),
        ] {
            let read = BucketUrl::parse(url).unwrap();
            assert_eq!((read.bucket.as_str(), read.prefix.as_str()), (bucket, prefix), "{url}");
        }
        for url in ["clips", "https://clips", "s3://", "s3://UP", "s3://a/b", "s3://clips/a//b"] {
            assert!(BucketUrl::parse(url).is_err(), "{url}");
        }
        assert!(BucketUrl::parse("s3://clips/../x").is_err());
    }

    #[test]
    fn everything_that_is_wrong_is_reported() {
        let mut settings = ArtifactsConfig {
            endpoint: Some("ftp://x".to_owned()),
            redirect: true,
            redirect_seconds: 0,
            ..ArtifactsConfig::default()
        };
        let problems = |settings: &ArtifactsConfig| {
            let mut found = Vec::new();
            settings.check(&mut |holds, text| {
                if !holds {
                    found.push(text.to_owned());
                }
            });
            found
        };
        assert_eq!(problems(&settings).len(), 4);
        settings = ArtifactsConfig {
            url: Some("s3://clips/x".to_owned()),
            endpoint: Some("http://minio:9000".to_owned()),
            redirect: true,
            ..ArtifactsConfig::default()
        };
        assert_eq!(problems(&settings), Vec::<String>::new());
        assert!(settings.path_style("clips"));
        settings.endpoint = None;
        assert!(!settings.path_style("clips") && settings.path_style("my.clips"));
    }
}
