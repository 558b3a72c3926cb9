//! The two kinds of tokens.
//!
//! HS256 with a secret for each kind. The kind is also a claim, so that one
//! never passes for the other even when an operator sets equal secrets.

use std::fmt;

use chrono::TimeDelta;
use clipmill_core::{Id, Time};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::hmac;
use crate::config::{Auth, JwtSecrets};

/// Creates and checks tokens.
pub struct Tokens {
    public: Keys,
    private: Keys,
    public_life: TimeDelta,
    private_life: TimeDelta,
    validation: Validation,
}

struct Keys {
    sign: EncodingKey,
    check: DecodingKey,
}

/// A new token.
pub struct IssuedToken {
    /// The token; never log it.
    pub token: String,
    /// From this moment on it is no longer valid.
    pub expires_at: Time,
}

/// What a private token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivateClaims {
    /// Whose it is.
    pub user_id: Id,
    /// The login that it belongs to.
    pub session_id: Id,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was valid once.
    #[error("the token has expired")]
    Expired,
    /// It is none of ours, or of the other kind.
    #[error("the token is not valid")]
    Invalid,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Public,
    Private,
}

#[derive(Serialize, Deserialize)]
struct Public {
    r#type: Kind,
    iat: i64,
    exp: i64,
}

#[derive(Serialize, Deserialize)]
struct Private {
    r#type: Kind,
    user_id: Id,
    session_id: Id,
    iat: i64,
    exp: i64,
}

impl Tokens {
    /// Tokens signed with these secrets, living as long as configured.
    pub fn new(secrets: &JwtSecrets, auth: &Auth) -> Tokens {
        hmac::install();
        let mut validation = Validation::new(Algorithm::HS256);
        // `exp` is checked here against the clock that is passed in; that it
        // must be there follows from the claims' types.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Tokens {
            public: Keys::from_secret(secrets.public.reveal()),
            private: Keys::from_secret(secrets.private.reveal()),
            public_life: TimeDelta::hours(auth.public_token_hours.into()),
            private_life: TimeDelta::days(auth.private_token_days.into()),
            validation,
        }
    }

    /// A new public token.
    ///
    /// # Errors
    /// When signing fails, which it does with no secret that can be configured.
    pub fn issue_public(&self, now: Time) -> Result<IssuedToken, jsonwebtoken::errors::Error> {
        let expires_at = now + self.public_life;
        let claims =
            Public { r#type: Kind::Public, iat: now.timestamp(), exp: expires_at.timestamp() };
        Ok(IssuedToken { token: self.public.sign(&claims)?, expires_at })
    }

    /// A new private token of a login.
    ///
    /// # Errors
    /// When signing fails, which it does with no secret that can be configured.
    pub fn issue_private(
        &self,
        user_id: Id,
        session_id: Id,
        now: Time,
    ) -> Result<IssuedToken, jsonwebtoken::errors::Error> {
        let expires_at = now + self.private_life;
        let claims = Private {
            r#type: Kind::Private,
            user_id,
            session_id,
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
        };
        Ok(IssuedToken { token: self.private.sign(&claims)?, expires_at })
    }

    /// Checks a public token.
    ///
    /// # Errors
    /// [`TokenError`]
    pub fn check_public(&self, token: &str, now: Time) -> Result<(), TokenError> {
        let claims: Public = self.public.check(token, &self.validation)?;
        match claims.r#type {
            Kind::Public => check_expiry(claims.exp, now),
            Kind::Private => Err(TokenError::Invalid),
        }
    }

    /// Checks a private token. Storage knows whether its login has ended.
    ///
    /// # Errors
    /// [`TokenError`]
    pub fn check_private(&self, token: &str, now: Time) -> Result<PrivateClaims, TokenError> {
        let claims: Private = self.private.check(token, &self.validation)?;
        match claims.r#type {
            Kind::Private => check_expiry(claims.exp, now)?,
            Kind::Public => return Err(TokenError::Invalid),
        }
        Ok(PrivateClaims { user_id: claims.user_id, session_id: claims.session_id })
    }
}

fn check_expiry(exp: i64, now: Time) -> Result<(), TokenError> {
    if now.timestamp() < exp { Ok(()) } else { Err(TokenError::Expired) }
}

impl Keys {
    fn from_secret(secret: &str) -> Keys {
        Keys {
            sign: EncodingKey::from_secret(secret.as_bytes()),
            check: DecodingKey::from_secret(secret.as_bytes()),
        }
    }

    fn sign(&self, claims: &impl Serialize) -> Result<String, jsonwebtoken::errors::Error> {
        encode(&Header::new(Algorithm::HS256), claims, &self.sign)
    }

    fn check<T: serde::de::DeserializeOwned>(
        &self,
        token: &str,
        validation: &Validation,
    ) -> Result<T, TokenError> {
        decode(token, &self.check, validation)
            .map(|token| token.claims)
            .map_err(|_| TokenError::Invalid)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tokens")
            .field("public_life", &self.public_life)
            .field("private_life", &self.private_life)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("IssuedToken")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;
    use crate::config::Secret;

    fn tokens(public: &str, private: &str) -> Tokens {
        let secrets = JwtSecrets { public: Secret::new(public), private: Secret::new(private) };
        Tokens::new(&secrets, &Auth::default())
    }

    fn at(seconds: i64) -> Time {
        Time::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn tokens_live_as_long_as_configured() {
        let tokens = tokens("public-secret-0123", "private-secret-012");
        let now = at(1_000_000);
        let public = tokens.issue_public(now).unwrap();
        assert_eq!(public.expires_at, at(1_000_000 + 24 * 3600));
        assert_eq!(tokens.check_public(&public.token, at(1_000_000 + 24 * 3600 - 1)), Ok(()));
        let late = tokens.check_public(&public.token, public.expires_at);
        assert_eq!(late, Err(TokenError::Expired));
        let user = Id::generate(now);
        let session = Id::generate(now);
        let private = tokens.issue_private(user, session, now).unwrap();
        let claims = tokens.check_private(&private.token, now).unwrap();
        assert_eq!((claims.user_id, claims.session_id), (user, session));
        let late = tokens.check_private(&private.token, at(1_000_000 + 7 * 86400));
        assert_eq!(late, Err(TokenError::Expired));
    }

    #[test]
    fn kinds_never_pass_for_each_other_even_with_equal_secrets() {
        let tokens = tokens("one-and-the-same-secret", "one-and-the-same-secret");
        let now = at(5);
        let public = tokens.issue_public(now).unwrap().token;
        let private =
            tokens.issue_private(Id::generate(now), Id::generate(now), now).unwrap().token;
        assert_eq!(tokens.check_private(&public, now), Err(TokenError::Invalid));
        assert_eq!(tokens.check_public(&private, now), Err(TokenError::Invalid));
    }

    /// A token with another algorithm and the right secret.
    fn hs512(claims: &serde_json::Value, secret: &[u8]) -> String {
        let header = json!({"alg": "HS512", "typ": "JWT"});
        let [header, claims] =
            [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA512, secret);
        let signature = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    #[test]
    fn forged_tokens_are_refused() {
        let tokens = tokens("public-secret-0123", "private-secret-012");
        let now = at(1_000);
        let key = EncodingKey::from_secret(b"public-secret-0123");
        let token = |claims: serde_json::Value, key: &EncodingKey| {
            encode(&Header::new(Algorithm::HS256), &claims, key).unwrap()
        };
        let good = json!({"type": "public", "iat": 1, "exp": 2_000});
        let valid = token(good.clone(), &key);
        assert_eq!(tokens.check_public(&valid, now), Ok(()));
        let other_key = EncodingKey::from_secret(b"public-secret-0124");
        let refused = [
            token(good.clone(), &other_key),
            hs512(&good, b"public-secret-0123"),
            token(json!({"type": "public", "iat": 1}), &key),
            token(json!({"iat": 1, "exp": 2_000}), &key),
            // {"alg":"none","typ":"JWT"} with the claims above and no signature
            "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJ0eXBlIjoicHVibGljIiwiaWF0IjoxLCJleHAiOjIwMDB9."
                .to_owned(),
            String::new(),
            "a.b.c".to_owned(),
        ];
        for token in refused {
            assert_eq!(tokens.check_public(&token, now), Err(TokenError::Invalid), "{token}");
        }
    }
}
