//! Answers, and the shapes of values in them.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;
use warp::reply::Response;

/// A JSON answer.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => typed(status, "application/json", bytes),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON; the client gets 500");
            let body = br#"{"code":"internal","error":"Internal server error"}"#;
            typed(StatusCode::INTERNAL_SERVER_ERROR, "application/json", &body[..])
        }
    }
}

/// An answer of this media type.
pub fn typed(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into().into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Forbids caches to keep an answer.
pub fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What most short answers say.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// For people.
    pub message: &'static str,
}

/// Every answer that is no success. Some have more fields, such as `message`
/// with the details.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// For people.
    pub error: String,
    /// For programs; stable.
    #[schema(example = "invalid_url")]
    pub code: String,
}

/// The answer while the work continues.
#[derive(Debug, Serialize, ToSchema)]
pub struct StillProcessing {
    /// For people.
    pub message: &'static str,
    /// Always `processing`.
    #[schema(example = "processing")]
    pub status: &'static str,
}

/// Seconds as clients write them: a number, or text that is one. Written as an
/// integer where it is one, as the reference does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number(pub f64);

/// Above this, doubles skip integers.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 && self.0.abs() < EXACT {
            to.serialize_i64(self.0 as i64)
        } else {
            to.serialize_f64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Number, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written<'a> {
            Number(f64),
            #[serde(borrow)]
            Text(std::borrow::Cow<'a, str>),
        }
        let not_a_number = || serde::de::Error::custom("expected a number");
        match Written::deserialize(from).map_err(|_| not_a_number())? {
            Written::Number(number) => Ok(Number(number)),
            Written::Text(text) => Number::parse(&text).ok_or_else(not_a_number),
        }
    }
}

impl Number {
    /// A finite decimal number.
    pub fn parse(text: &str) -> Option<Number> {
        let text = text.trim();
        let plain = text.bytes().all(|c| c.is_ascii_digit() || b"+-.eE".contains(&c));
        let number: f64 = text.parse().ok().filter(|_| plain)?;
        number.is_finite().then_some(Number(number))
    }
}

/// Bytes as megabytes (2^20) with two decimals.
pub fn megabytes(bytes: u64) -> Number {
    Number((bytes as f64 / 1_048_576.0 * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_are_read_from_text_and_written_as_integers_where_they_are() {
        let read = |json: &str| serde_json::from_str::<Number>(json);
        for (json, value, written) in [
            ("60", 60.0, "60"),
            ("\"60\"", 60.0, "60"),
            ("\" 1.5 \"", 1.5, "1.5"),
            ("0.25", 0.25, "0.25"),
        ] {
            let number = read(json).unwrap();
            assert_eq!(number, Number(value));
            assert_eq!(serde_json::to_string(&number).unwrap(), written);
        }
        for json in ["\"\"", "\"inf\"", "\"NaN\"", "\"1:00\"", "true", "[1]", "\"1e999\""] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn megabytes_have_two_decimals() {
        assert_eq!(megabytes(1_048_576), Number(1.0));
        assert_eq!(megabytes(1_500_000), Number(1.43));
    }
}
