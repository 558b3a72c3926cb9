//! The one error of sources, codecs, plugins, the network, the artifact store
//! and the pipeline.

mod code;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use code::{Code, UnknownCode};

/// Why something could not be done.
///
/// [`fmt::Display`] shows the message alone, which is for clients.
/// [`Error::chain`] shows context and causes as well, which is for logs.
#[derive(Debug, Clone)]
pub struct Error {
    /// For programs: clients, plugins, and the code that decides what comes next.
    pub code: Code,
    /// For people: what is wrong and what to do. No paths, no secrets.
    pub message: String,
    /// Whether trying again can help.
    pub retry: Retry,
    context: Vec<(&'static str, String)>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The result of whatever fails with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same call will fail in the same way.
    Never,
    /// Later, after the caller's own back-off.
    Later,
    /// Not before this time has passed.
    After(Duration),
}

impl Error {
    /// An error of this retry class.
    pub fn new(code: Code, message: impl Into<String>, retry: Retry) -> Error {
        Error { code, message: message.into(), retry, context: Vec::new(), source: None }
    }

    /// An error that the same call will meet again.
    pub fn never(code: Code, message: impl Into<String>) -> Error {
        Error::new(code, message, Retry::Never)
    }

    /// An error that may be gone later.
    pub fn later(code: Code, message: impl Into<String>) -> Error {
        Error::new(code, message, Retry::Later)
    }

    /// Keeps what caused this error; only logs show it.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.source = Some(Arc::from(cause.into()));
        self
    }

    /// Adds a fact of the place where it happened (`url.host`, `stage`); only logs
    /// show it, so it may hold paths, but no secrets.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Error {
        self.context.push((key, value.to_string()));
        self
    }

    /// The same error with another message for people.
    #[must_use]
    pub fn with_message(self, message: impl Into<String>) -> Error {
        Error { message: message.into(), ..self }
    }

    /// The same error with another retry class.
    #[must_use]
    pub fn with_retry(self, retry: Retry) -> Error {
        Error { retry, ..self }
    }

    /// Facts of the place where it happened, in the order in which they were added.
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.context
    }

    /// Whether the same call may succeed when it is repeated later.
    pub fn is_transient(&self) -> bool {
        self.retry != Retry::Never
    }

    /// The message with the context and all causes, for logs and `--json`.
    pub fn chain(&self) -> Chain<'_> {
        Chain(self)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

/// What callers decide by; causes and context don't count.
impl PartialEq for Error {
    fn eq(&self, other: &Error) -> bool {
        (self.code, self.retry, &self.message) == (other.code, other.retry, &other.message)
    }
}

impl Eq for Error {}

/// Shows an [`Error`] as `message [key=value, ...]: cause: cause of the cause`.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(&'a Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)?;
        for (place, (key, value)) in self.0.context.iter().enumerate() {
            let before = if place == 0 { " [" } else { ", " };
            write!(out, "{before}{key}={value}")?;
        }
        if !self.0.context.is_empty() {
            out.write_str("]")?;
        }
        let mut cause = self.0.source();
        while let Some(inner) = cause {
            write!(out, ": {inner}")?;
            cause = inner.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_see_the_message_and_logs_see_the_causes() {
        let cause = std::io::Error::other("connection reset by peer");
        let inner = Error::later(Code::SourceUnreachable, "the connection broke").caused_by(cause);
        let outer = Error::never(Code::SourceFailed, "the source failed")
            .with("url.host", "example.org")
            .with("stage", "fetch")
            .caused_by(inner);
        assert_eq!(outer.to_string(), "the source failed");
        assert_eq!(
            outer.chain().to_string(),
            "the source failed [url.host=example.org, stage=fetch]: the connection broke: \
             connection reset by peer"
        );
        assert_eq!(outer, Error::never(Code::SourceFailed, "the source failed"));
    }
}
