//! Request bodies: counted and timed while they are read.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use clipmill_core::Code;
use futures_util::{Stream, StreamExt as _};
use http::{HeaderValue, StatusCode};
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// The largest JSON body, bytes.
const JSON_LIMIT: usize = 64 * 1024;
/// Longest time for a JSON body to arrive.
const JSON_DEADLINE: Duration = Duration::from_secs(10);

/// Bytes of a refused body that are read before the answer, because a client
/// that is still sending would not see it.
const DRAIN_BYTES: usize = 16 << 20;
/// Longest time for that.
const DRAIN_DEADLINE: Duration = Duration::from_secs(3);

/// A body that has not been read yet.
pub struct Body {
    stream: Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send + Sync>>,
    content_type: Option<HeaderValue>,
}

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The connection broke off, or the client does not speak HTTP.
    #[error("the request's body broke off")]
    Broken,
    /// The client sends too slowly.
    #[error("the request's body did not arrive in time")]
    Late,
    /// More bytes than allowed.
    #[error("the request's body is too large")]
    TooLarge,
}

impl Body {
    /// Wraps the stream that warp gives, and the header that declares its type.
    pub fn new<B: Buf, E>(
        stream: impl Stream<Item = Result<B, E>> + Send + Sync + 'static,
        content_type: Option<HeaderValue>,
    ) -> Body {
        let stream = stream.map(|piece| {
            piece
                .map(|mut piece| piece.copy_to_bytes(piece.remaining()))
                .map_err(|_| BodyError::Broken)
        });
        Body { stream: Box::pin(stream), content_type }
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// 415 when it is declared as something else or not at all, 413 above
    /// 64 KiB, 400 when it is no JSON or has not the fields, 408 when it does
    /// not arrive within 10 s.
    pub async fn json<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        if self.is_declared_json() == Some(true) {
            return parse(&self.read_small().await?);
        }
        self.drain().await;
        Err(not_json())
    }

    /// The body as JSON, or the default when there is none.
    ///
    /// # Errors
    /// As [`Body::json`], but a body without a declared type is read as JSON.
    pub async fn json_if_any<T: DeserializeOwned + Default>(&mut self) -> Result<T, ApiError> {
        let bytes = self.read_small().await?;
        if bytes.trim_ascii().is_empty() {
            Ok(T::default())
        } else if self.is_declared_json() == Some(false) {
            Err(not_json())
        } else {
            parse(&bytes)
        }
    }

    /// Reads what the client is still sending, within bounds, and drops it.
    pub async fn drain(&mut self) {
        let read = async {
            let mut count = 0;
            while let Some(Ok(piece)) = self.stream.next().await {
                count += piece.len();
                if count > DRAIN_BYTES {
                    break;
                }
            }
        };
        // After the deadline the client gets its answer anyway.
        let _ = tokio::time::timeout(DRAIN_DEADLINE, read).await;
    }

    async fn read_small(&mut self) -> Result<Bytes, ApiError> {
        let bytes = self.read_all(JSON_LIMIT, JSON_DEADLINE).await;
        if bytes == Err(BodyError::TooLarge) {
            self.drain().await;
        }
        Ok(bytes?)
    }

    async fn read_all(&mut self, limit: usize, deadline: Duration) -> Result<Bytes, BodyError> {
        let read = async {
            let mut bytes = BytesMut::new();
            while let Some(piece) = self.stream.next().await {
                let piece = piece?;
                if bytes.len() + piece.len() > limit {
                    return Err(BodyError::TooLarge);
                }
                bytes.extend_from_slice(&piece);
            }
            Ok(bytes.freeze())
        };
        tokio::time::timeout(deadline, read).await.map_err(|_| BodyError::Late)?
    }

    /// Whether the body is declared as JSON; none when no type is declared.
    fn is_declared_json(&self) -> Option<bool> {
        let declared = self.content_type.as_ref()?.to_str().unwrap_or_default();
        let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Some(essence == "application/json" || essence.ends_with("+json"))
    }
}

impl Stream for Body {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.poll_next_unpin(context)
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> ApiError {
        match error {
            BodyError::Broken => {
                ApiError::bad_request(Code::BodyBroken, "The body of the request broke off")
            }
            BodyError::Late => ApiError::new(
                StatusCode::REQUEST_TIMEOUT,
                Code::BodyTimeout,
                "The body of the request did not arrive in time",
            ),
            BodyError::TooLarge => ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                Code::BodyTooLarge,
                "The body of the request is too large",
            ),
        }
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let line = error.line();
        let column = error.column();
        if error.classify() == serde_json::error::Category::Data {
            ApiError::bad_request(
                Code::InvalidRequest,
                format!("A field has a value of the wrong type at line {line}, column {column}"),
            )
        } else {
            ApiError::bad_request(
                Code::InvalidJson,
                format!("The body is not valid JSON at line {line}, column {column}"),
            )
        }
    })
}

fn not_json() -> ApiError {
    ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::UnsupportedMediaType,
        "The body must be JSON, declared as application/json",
    )
}
