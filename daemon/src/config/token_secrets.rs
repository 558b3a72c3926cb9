//! The two secrets that sign tokens: configured, or created once and kept.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::secret::Secret;
use super::sections::Config;

/// The two secrets that sign tokens.
#[derive(Debug, Clone)]
pub struct JwtSecrets {
    /// For public tokens.
    pub public: Secret,
    /// For private tokens.
    pub private: Secret,
}

/// The configured secrets; a missing one is created once and kept in the data
/// folder, readable by its owner only.
///
/// # Errors
/// When the data folder can't be written.
pub fn jwt_secrets(config: &Config) -> io::Result<JwtSecrets> {
    let folder = &config.folders.data;
    let secret = |configured: &Option<Secret>, file: &str| match configured {
        Some(secret) => Ok(secret.clone()),
        None => read_or_create(&folder.join(file)),
    };
    Ok(JwtSecrets {
        public: secret(&config.auth.jwt_public_secret, "jwt_public.secret")?,
        private: secret(&config.auth.jwt_private_secret, "jwt_private.secret")?,
    })
}

fn read_or_create(path: &Path) -> io::Result<Secret> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().len() >= 32 => Ok(Secret::new(text.trim())),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a token secret in the data folder is too short; delete the file to get a new one",
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
        Err(error) => Err(error),
    }
}

/// Writes a new secret beside its final name and links it there, so that of
/// two processes that start together both end up with the same one.
fn create(path: &Path) -> io::Result<Secret> {
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
        Ok(()) => Ok(Secret::new(value)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read_or_create(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn missing_secrets_are_created_once_and_kept_private() {
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
    fn secrets_are_not_printed() {
        let mut config = Config::default();
        config.auth.jwt_private_secret = Some(Secret::new("hush-hush"));
        assert!(!format!("{config:?}").contains("hush"));
        assert!(!toml::to_string(&config).unwrap().contains("hush"));
    }
}
