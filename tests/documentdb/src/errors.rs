//! Failures, and the numbers by which MongoDB drivers know them.
//!
//! DocumentDB reports a failure as a PostgreSQL SQLSTATE: a standard one, or one of its own that
//! begins with `M`. Inside of write results the five characters are packed into one integer, six
//! bits each. Only what a storage layer looks at has its number here; everything else is
//! `UnknownError` and names its SQLSTATE.

use bson::{Bson, Document, doc};

/// What a command answers when it fails as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The server error code, such as 11000.
    pub code: i32,
    /// For people.
    pub message: String,
}

/// `BadValue`: an argument makes no sense.
pub const BAD_VALUE: i32 = 2;
/// `HostUnreachable`: drivers repeat a read after it.
pub const HOST_UNREACHABLE: i32 = 6;
const UNKNOWN: i32 = 8;
/// `Unauthorized`: the command wants a log-in first.
pub const UNAUTHORIZED: i32 = 13;
/// `AuthenticationFailed`: no such user, or another password.
pub const AUTHENTICATION_FAILED: i32 = 18;
/// `IllegalOperation`: not on a server of this kind.
pub const ILLEGAL_OPERATION: i32 = 20;
/// `NamespaceNotFound`: no such collection.
pub const NAMESPACE_NOT_FOUND: i32 = 26;
/// `CursorNotFound`: never was, is drained, or idled too long.
pub const CURSOR_NOT_FOUND: i32 = 43;
/// `CommandNotFound`.
pub const COMMAND_NOT_FOUND: i32 = 59;
/// `WriteConflict`: somebody else wrote the same document at the same time.
pub const WRITE_CONFLICT: i32 = 112;
const DUPLICATE_KEY: i32 = 11000;

/// SQLSTATE, server code, and the name that goes with the code.
const CODES: &[(&str, i32, &str)] = &[
    ("M0000", 1, "InternalError"),
    ("M0001", BAD_VALUE, "BadValue"),
    ("08006", HOST_UNREACHABLE, "HostUnreachable"),
    ("57P01", HOST_UNREACHABLE, "HostUnreachable"),
    ("M0003", 9, "FailedToParse"),
    ("M00ER", UNAUTHORIZED, "Unauthorized"),
    ("M0004", 14, "TypeMismatch"),
    ("M00EV", AUTHENTICATION_FAILED, "AuthenticationFailed"),
    ("M0006", ILLEGAL_OPERATION, "IllegalOperation"),
    ("M0008", NAMESPACE_NOT_FOUND, "NamespaceNotFound"),
    ("M0009", 27, "IndexNotFound"),
    ("M000A", 28, "PathNotViable"),
    ("M000D", 40, "ConflictingUpdateOperators"),
    ("M000E", CURSOR_NOT_FOUND, "CursorNotFound"),
    ("M000F", 48, "NamespaceExists"),
    ("57014", 50, "MaxTimeMSExpired"),
    ("M00EX", 50, "MaxTimeMSExpired"),
    ("M000G", 52, "DollarPrefixedFieldName"),
    ("M00EY", COMMAND_NOT_FOUND, "CommandNotFound"),
    ("M000M", 66, "ImmutableField"),
    ("M000N", 67, "CannotCreateIndex"),
    ("M000P", 72, "InvalidOptions"),
    ("M000Q", 73, "InvalidNamespace"),
    ("M000R", 85, "IndexOptionsConflict"),
    ("M000S", 86, "IndexKeySpecsConflict"),
    ("40001", WRITE_CONFLICT, "WriteConflict"),
    ("40P01", WRITE_CONFLICT, "WriteConflict"),
    ("55P03", WRITE_CONFLICT, "WriteConflict"),
    ("M00F1", WRITE_CONFLICT, "WriteConflict"),
    ("M000U", 115, "CommandNotSupported"),
    ("M00CO", 121, "DocumentValidationFailure"),
    ("M0012", 197, "InvalidIndexSpecificationOption"),
    ("M001B", 10334, "BSONObjectTooLarge"),
    ("23505", DUPLICATE_KEY, "DuplicateKey"),
    ("23P01", DUPLICATE_KEY, "DuplicateKey"),
    ("M001C", DUPLICATE_KEY, "DuplicateKey"),
    ("M007U", 40324, "UnrecognizedCommand"),
    ("M0088", 40415, "UnknownBsonField"),
];

impl Failure {
    /// A failure of this program's own.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Failure { code, message: message.into() }
    }

    /// The failure that a SQLSTATE stands for.
    fn of_state(state: &str, message: &str) -> Self {
        match code_of_state(state) {
            DUPLICATE_KEY => {
                Failure::new(DUPLICATE_KEY, format!("E11000 duplicate key error: {message}"))
            }
            UNKNOWN => Failure::new(UNKNOWN, format!("[{state}] {message}")),
            code => Failure::new(code, message),
        }
    }

    /// The reply that tells a driver.
    pub fn into_reply(self) -> Document {
        let name = CODES.iter().find(|(_, code, _)| *code == self.code);
        let name = name.map_or("UnknownError", |(_, _, name)| name);
        doc! { "ok": 0.0, "errmsg": self.message, "code": self.code, "codeName": name }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(told) => Failure::of_state(told.code().code(), told.message()),
            None if error.is_closed() => Failure::new(HOST_UNREACHABLE, error.to_string()),
            None => Failure::new(UNKNOWN, error.to_string()),
        }
    }
}

fn code_of_state(state: &str) -> i32 {
    CODES.iter().find(|(known, _, _)| *known == state).map_or(UNKNOWN, |(_, code, _)| *code)
}

/// Translates the codes in `writeErrors`, and `ok`, which DocumentDB gives as a boolean.
pub fn translate(mut reply: Document) -> Document {
    if let Some(Bson::Boolean(ok)) = reply.get("ok") {
        let ok = if *ok { 1.0 } else { 0.0 };
        reply.insert("ok", ok);
    }
    if let Ok(errors) = reply.get_array_mut("writeErrors") {
        for error in errors.iter_mut().filter_map(Bson::as_document_mut) {
            translate_write_error(error);
        }
    }
    reply
}

fn translate_write_error(error: &mut Document) {
    let Some(state) = error.get_i32("code").ok().and_then(unpack) else { return };
    let failure = Failure::of_state(&state, error.get_str("errmsg").unwrap_or_default());
    error.insert("code", failure.code);
    error.insert("errmsg", failure.message);
}

/// Whether a translated reply says that nothing was written because others were writing.
pub fn is_write_conflict(reply: &Document) -> bool {
    let is = |document: &Document, key, value| document.get(key) == Some(&Bson::Int32(value));
    let errors = reply.get_array("writeErrors").map(Vec::as_slice).unwrap_or_default();
    let mut errors = errors.iter().filter_map(Bson::as_document);
    is(reply, "n", 0) && errors.any(|error| is(error, "code", WRITE_CONFLICT))
}

/// The SQLSTATE in a packed code; `None` for a number that is something else.
fn unpack(packed: i32) -> Option<String> {
    let character = |place: u32| char::from(b'0' + ((packed >> (6 * place)) & 0x3f) as u8);
    let state: String = (0..5).map(character).collect();
    let is_state = |state: &str| {
        state.chars().all(|character| character.is_ascii_digit() || character.is_ascii_uppercase())
    };
    (packed >> 30 == 0 && is_state(&state)).then_some(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As PostgreSQL's MAKE_SQLSTATE does it.
    fn pack(state: &str) -> i32 {
        let places = state.bytes().enumerate();
        places.map(|(place, byte)| i32::from((byte - b'0') & 0x3f) << (6 * place)).sum()
    }

    #[test]
    fn write_errors_get_the_codes_that_drivers_know() {
        let error = |state| doc! { "index": 0, "code": pack(state), "errmsg": "told" };
        let errors = vec![error("23505"), error("M00F1"), error("XX000")];
        let reply = translate(doc! { "ok": true, "n": 0, "writeErrors": errors });

        let told: Vec<_> = reply
            .get_array("writeErrors")
            .unwrap_or_else(|_| panic!("no errors in {reply}"))
            .iter()
            .filter_map(Bson::as_document)
            .map(|error| {
                (error.get_i32("code").unwrap_or(0), error.get_str("errmsg").unwrap_or(""))
            })
            .collect();
        assert_eq!(
            told,
            [(11000, "E11000 duplicate key error: told"), (112, "told"), (8, "[XX000] told")]
        );
        assert_eq!(reply.get("ok"), Some(&Bson::Double(1.0)));
        assert!(is_write_conflict(&reply));
    }

    #[test]
    fn codes_that_are_not_packed_stay() {
        let errors = vec![doc! { "index": 0, "code": 11000, "errmsg": "told" }];
        let reply = doc! { "ok": 1.0, "n": 1, "writeErrors": errors };
        assert_eq!(translate(reply.clone()), reply);
        assert!(!is_write_conflict(&reply));
    }

    #[test]
    fn a_failed_command_carries_code_and_name() {
        let reply = Failure::of_state("M000R", "an equal index has another name").into_reply();
        let expected = doc! {
            "ok": 0.0, "errmsg": "an equal index has another name",
            "code": 85, "codeName": "IndexOptionsConflict",
        };
        assert_eq!(reply, expected);
    }
}
