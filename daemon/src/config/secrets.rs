//! Values that must not be shown, and the two token secrets.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, Serializer};

use super::Config;

/// A value that is never printed, neither by `Debug` nor when the
/// configuration is serialised.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    /// The value itself; never log it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("<secret>")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str("<secret>")
    }
}

/// The two secrets that sign tokens.
#[derive(Debug, Clone)]
pub struct JwtSecrets {
    /// For public tokens.
    pub public: Secret,
    /// For private tokens.
    pub private: Secret,
}

/// The configured secrets; a missing one is made once and kept in the data
/// folder, readable by its owner only.
///
/// # Errors
/// When the data folder can't be written.
pub fn jwt_secrets(config: &Config) -> io::Result<JwtSecrets> {
    let folder = &config.folders.data;
    let take = |configured: &Option<Secret>, file: &str| match configured {
        Some(secret) => Ok(secret.clone()),
        None => kept(&folder.join(file)),
    };
    Ok(JwtSecrets {
        public: take(&config.auth.jwt_public_secret, "jwt_public.secret")?,
        private: take(&config.auth.jwt_private_secret, "jwt_private.secret")?,
    })
}

fn kept(path: &Path) -> io::Result<Secret> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().len() >= 32 => Ok(Secret(text.trim().to_owned())),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a token secret in the data folder is too short; delete the file to get a new one",
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path),
        Err(error) => Err(error),
    }
}

/// Writes a new secret beside its final name and links it there, so that of
/// two processes that start together both end up with the same one.
fn make(path: &Path) -> io::Result<Secret> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let value = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(value.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Ok(()) => Ok(Secret(value)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => kept(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn missing_secrets_are_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.folders.data = folder.path().join("new");
        let first = jwt_secrets(&config).unwrap();
        let second = jwt_secrets(&config).unwrap();
        assert_eq!(first.public, second.public);
        assert_ne!(first.public, first.private);
        let mode =
            fs::metadata(config.folders.data.join("jwt_public.secret")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }

    #[test]
    fn secrets_do_not_show() {
        let mut config = Config::default();
        config.auth.jwt_private_secret = Some(Secret::new("hush-hush"));
        assert!(!format!("{config:?}").contains("hush"));
        assert!(!toml::to_string(&config).unwrap().contains("hush"));
    }
}
