//! Request bodies: counted and timed while they are read.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use super::call::Call;
use super::error::ApiError;

/// The largest JSON body.
const JSON_LIMIT: usize = 64 * 1024;
/// Longest time for a JSON body to arrive.
const JSON_DEADLINE: Duration = Duration::from_secs(10);

/// How much of a refused body is read on, so that a client that is still
/// sending gets to see the answer.
const DRAIN_BYTES: usize = 16 << 20;
const DRAIN_DEADLINE: Duration = Duration::from_secs(3);

/// A body that has not been read yet.
pub struct Body(Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send + Sync>>);

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The connection broke off, or the client does not speak HTTP.
    #[error("the request's body broke off")]
    Broken,
    /// The client sends too slowly.
    #[error("the request's body did not arrive in time")]
    Late,
    /// More than allowed.
    #[error("the request's body is too large")]
    TooLarge,
}

impl Body {
    /// Wraps what warp gives.
    pub fn of<B: Buf, E>(stream: impl Stream<Item = Result<B, E>> + Send + Sync + 'static) -> Body {
        Body(Box::pin(stream.map(|piece| {
            piece
                .map(|mut piece| piece.copy_to_bytes(piece.remaining()))
                .map_err(|_| BodyError::Broken)
        })))
    }

    /// All of it.
    async fn bytes(&mut self, limit: usize, deadline: Duration) -> Result<Bytes, BodyError> {
        let all = async {
            let mut bytes = BytesMut::new();
            while let Some(piece) = self.0.next().await {
                let piece = piece?;
                if bytes.len() + piece.len() > limit {
                    return Err(BodyError::TooLarge);
                }
                bytes.extend_from_slice(&piece);
            }
            Ok(bytes.freeze())
        };
        tokio::time::timeout(deadline, all).await.map_err(|_| BodyError::Late)?
    }

    /// Reads on for a while and throws away.
    pub async fn drain(&mut self) {
        let some = async {
            let mut count = 0;
            while let Some(Ok(piece)) = self.0.next().await {
                count += piece.len();
                if count > DRAIN_BYTES {
                    break;
                }
            }
        };
        // What does not come in time is not waited for.
        let _ = tokio::time::timeout(DRAIN_DEADLINE, some).await;
    }
}

impl Stream for Body {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> ApiError {
        match error {
            BodyError::Broken => {
                ApiError::bad_request("body_broken", "The body of the request broke off")
            }
            BodyError::Late => ApiError::new(
                StatusCode::REQUEST_TIMEOUT,
                "body_timeout",
                "The body of the request did not arrive in time",
            ),
            BodyError::TooLarge => ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The body of the request is too large",
            ),
        }
    }
}

impl Call {
    /// The body as JSON.
    ///
    /// # Errors
    /// 415 when it is declared as something else or not at all, 413 above
    /// 64 KiB, 400 when it is no JSON or has not the fields, 408 when it does
    /// not arrive within 10 s.
    pub async fn json<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        match self.declared_json() {
            Some(true) => parse(&self.small_body().await?),
            Some(false) | None => {
                self.body.drain().await;
                Err(wrong_type())
            }
        }
    }

    /// The body as JSON, or the default when there is none.
    ///
    /// # Errors
    /// As [`Call::json`], but a body without a declared type is read as JSON.
    pub async fn json_if_any<T: DeserializeOwned + Default>(&mut self) -> Result<T, ApiError> {
        let declared = self.declared_json();
        let bytes = self.small_body().await?;
        if bytes.trim_ascii().is_empty() {
            return Ok(T::default());
        }
        match declared {
            Some(false) => Err(wrong_type()),
            Some(true) | None => parse(&bytes),
        }
    }

    async fn small_body(&mut self) -> Result<Bytes, ApiError> {
        let bytes = self.body.bytes(JSON_LIMIT, JSON_DEADLINE).await;
        if bytes == Err(BodyError::TooLarge) {
            self.body.drain().await;
        }
        Ok(bytes?)
    }

    /// Whether the body is declared as JSON; none when it is not declared.
    fn declared_json(&self) -> Option<bool> {
        let declared = self.headers.get(CONTENT_TYPE)?;
        let declared = declared.to_str().unwrap_or_default();
        let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Some(essence == "application/json" || essence.ends_with("+json"))
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Data => ApiError::bad_request(
                "invalid_request",
                format!("A field has a value of the wrong type at line {line}, column {column}"),
            ),
            _ => ApiError::bad_request(
                "invalid_json",
                format!("The body is not valid JSON at line {line}, column {column}"),
            ),
        }
    })
}

fn wrong_type() -> ApiError {
    ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "The body must be JSON, declared as application/json",
    )
}
