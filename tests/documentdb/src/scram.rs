//! Log-in by SCRAM-SHA-256 (RFC 5802 and RFC 7677), for tests of right and wrong credentials. One
//! user, and ASCII passwords only, because SASLprep is left out.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bson::{Binary, Bson, Document, doc, spec::BinarySubtype};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::errors::{AUTHENTICATION_FAILED, Failure};

/// The only way to log in.
pub const MECHANISM: &str = "SCRAM-SHA-256";
/// Drivers refuse less.
const ITERATIONS: u32 = 4096;
type Key = [u8; 32];

/// The one user that may log in, without the password itself.
pub struct Credentials {
    user: String,
    salt: [u8; 16],
    stored_key: Key,
    server_key: Key,
}

/// How far one connection has come.
#[derive(Default)]
pub enum LogIn {
    /// Nobody has tried.
    #[default]
    Outside,
    /// The client knows the salt and has to prove the password.
    Challenged {
        /// The client's nonce and ours.
        nonce: String,
        /// The first message without its header, a comma, and our challenge.
        messages: String,
        /// Whether the client does without the empty message at the end.
        skip_empty: bool,
    },
    /// The password was right.
    Inside,
}

impl Credentials {
    /// Credentials with a fresh salt.
    pub fn new(user: &str, password: &str) -> Self {
        let salt: [u8; 16] = rand::random();
        let salted: Key =
            pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &salt, ITERATIONS);
        let stored_key = Sha256::digest(sign(&salted, "Client Key")).into();
        let server_key = sign(&salted, "Server Key");
        Credentials { user: user.to_owned(), salt, stored_key, server_key }
    }

    /// Answers `saslStart`.
    ///
    /// # Errors
    /// When this is not the start of a SCRAM-SHA-256 log-in of the known user.
    pub fn start(&self, request: &Document) -> Result<(Document, LogIn), Failure> {
        let message = payload(request)?;
        // Without channel binding, and without another identity.
        let first = message.strip_prefix("n,,").ok_or_else(refused)?;
        let (user, nonce) = (attribute(first, "n=")?, attribute(first, "r=")?);
        if request.get_str("mechanism").ok() != Some(MECHANISM) || user != self.user {
            return Err(refused());
        }
        let nonce = format!("{nonce}{}", BASE64.encode(rand::random::<[u8; 18]>()));
        let challenge = format!("r={nonce},s={},i={ITERATIONS}", BASE64.encode(self.salt));
        let options = request.get_document("options").ok();
        let skip_empty =
            options.and_then(|options| options.get_bool("skipEmptyExchange").ok()) == Some(true);
        let reply = answer(&challenge, false);
        let messages = format!("{first},{challenge}");
        Ok((reply, LogIn::Challenged { nonce, messages, skip_empty }))
    }

    /// Answers `saslContinue`.
    ///
    /// # Errors
    /// When the client doesn't know the password, or was not challenged.
    pub fn proceed(&self, request: &Document, state: &LogIn) -> Result<(Document, LogIn), Failure> {
        let message = payload(request)?;
        let (nonce, messages, skip_empty) = match state {
            LogIn::Challenged { nonce, messages, skip_empty } => (nonce, messages, *skip_empty),
            LogIn::Inside if message.is_empty() => return Ok((answer("", true), LogIn::Inside)),
            _ => return Err(refused()),
        };
        let (unproven, proof) = message.rsplit_once(",p=").ok_or_else(refused)?;
        let proof = BASE64.decode(proof).map_err(|_| refused())?;
        let messages = format!("{messages},{unproven}");
        let signature = sign(&self.stored_key, &messages);
        let client_key: Vec<u8> =
            proof.iter().zip(signature).map(|(left, right)| left ^ right).collect();
        let stored_key: Key = Sha256::digest(client_key).into();
        if attribute(unproven, "r=")? != nonce || stored_key != self.stored_key {
            return Err(refused());
        }
        let verifier = format!("v={}", BASE64.encode(sign(&self.server_key, &messages)));
        Ok((answer(&verifier, skip_empty), LogIn::Inside))
    }
}

/// The failure of every log-in; it doesn't say why.
pub fn refused() -> Failure {
    Failure::new(AUTHENTICATION_FAILED, "Authentication failed.")
}

fn sign(key: &Key, message: &str) -> Key {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of 32 bytes");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().into()
}

fn answer(payload: &str, done: bool) -> Document {
    let bytes = payload.as_bytes().to_vec();
    let payload = Binary { subtype: BinarySubtype::Generic, bytes };
    doc! { "conversationId": 1, "done": done, "payload": payload, "ok": 1.0 }
}

fn payload(request: &Document) -> Result<&str, Failure> {
    match request.get("payload") {
        Some(Bson::Binary(binary)) => std::str::from_utf8(&binary.bytes).map_err(|_| refused()),
        _ => Err(refused()),
    }
}

fn attribute<'a>(message: &'a str, name: &str) -> Result<&'a str, Failure> {
    message.split(',').find_map(|part| part.strip_prefix(name)).ok_or_else(refused)
}
