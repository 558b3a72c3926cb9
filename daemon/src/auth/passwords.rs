//! Passwords: bcrypt away from the async threads, a few at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// New passwords may not be longer: bcrypt looks at no more than this.
pub const MAX_PASSWORD_BYTES: usize = 72;
/// New passwords may not be shorter.
pub const MIN_PASSWORD_CHARACTERS: usize = 8;

/// Longest wait for a permit to hash.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Hashes and checks passwords.
#[derive(Debug)]
pub struct Passwords {
    cost: u32,
    permits: Arc<Semaphore>,
}

/// Why a password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many passwords are being checked.
    #[error("too many passwords are being checked now")]
    Busy,
    /// bcrypt or its thread failed.
    #[error("hashing failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A rule that a new password breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordRule {
    /// Fewer than [`MIN_PASSWORD_CHARACTERS`].
    TooShort,
    /// More than [`MAX_PASSWORD_BYTES`].
    TooLong,
}

/// The rule that this new password breaks, if any.
pub fn new_password_rule(password: &str) -> Option<PasswordRule> {
    if password.len() > MAX_PASSWORD_BYTES {
        Some(PasswordRule::TooLong)
    } else if password.chars().count() < MIN_PASSWORD_CHARACTERS {
        Some(PasswordRule::TooShort)
    } else {
        None
    }
}

impl Passwords {
    /// Hashes new passwords with this bcrypt cost (4 to 31).
    pub fn new(cost: u32) -> Passwords {
        let processors = std::thread::available_parallelism().map_or(1, |n| n.get());
        Passwords { cost, permits: Arc::new(Semaphore::new(processors)) }
    }

    /// The hash of a new password; check it against [`new_password_rule`] before.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] after 5 s without a permit.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        let cost = self.cost;
        self.run_blocking(move || bcrypt::hash(password, cost)).await
    }

    /// Whether the password fits the hash. Without a hash (there is no such
    /// account) the result is no, after the same work.
    ///
    /// Only the first 72 bytes count, as they did when the hashes of older
    /// databases were made.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] after 5 s without a permit.
    pub async fn fits(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        let cost = self.cost;
        self.run_blocking(move || match hash {
            Some(hash) => match bcrypt::verify(password, &hash) {
                // A record with something else in the place of a hash has no password.
                Err(bcrypt::BcryptError::InvalidHash(_)) => Ok(false),
                answer => answer,
            },
            None => bcrypt::hash(password, cost).map(|_| false),
        })
        .await
    }

    async fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> bcrypt::BcryptResult<T> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let permit = tokio::time::timeout(LONGEST_WAIT, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| PasswordError::Busy)?
            .map_err(|_| PasswordError::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            // The permit is held until the work ends, also when the caller is gone.
            let _permit = permit;
            work()
        });
        done.await
            .map_err(|error| PasswordError::Failed(error.into()))?
            .map_err(|error| PasswordError::Failed(error.into()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rules_count_characters_below_and_bytes_above() {
        assert_eq!(new_password_rule("1234567"), Some(PasswordRule::TooShort));
        assert_eq!(new_password_rule("äöüäöüä"), Some(PasswordRule::TooShort));
        assert_eq!(new_password_rule("12345678"), None);
        assert_eq!(new_password_rule(&"x".repeat(72)), None);
        assert_eq!(new_password_rule(&"ä".repeat(37)), Some(PasswordRule::TooLong));
    }

    #[tokio::test]
    async fn a_password_of_an_old_account_may_be_longer_than_bcrypt_sees() {
        let passwords = Passwords::new(4);
        let long = "p".repeat(100);
        let hash = bcrypt::hash(&long, 4).unwrap();
        assert!(passwords.fits(long, Some(hash.clone())).await.unwrap());
        assert!(!passwords.fits("p".repeat(71), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn nothing_fits_where_there_is_no_hash() {
        let passwords = Passwords::new(4);
        assert!(!passwords.fits("12345678".to_owned(), None).await.unwrap());
        assert!(!passwords.fits("12345678".to_owned(), Some("*".to_owned())).await.unwrap());
    }
}
