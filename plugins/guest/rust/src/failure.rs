//! Errors of sources.

use crate::bindings::clipmill::plugin::http::HttpError;
use crate::{Failure, FailureCode, SourceError};

impl SourceError {
    /// The answer will be the same again. The message is for people: one line
    /// of up to 300 characters, no addresses, no secrets.
    pub fn give_up(code: FailureCode, message: impl Into<String>) -> SourceError {
        SourceError::GiveUp(Failure { code, message: message.into() })
    }

    /// Later may do; the host decides when.
    pub fn retry(code: FailureCode, message: impl Into<String>) -> SourceError {
        SourceError::Retry(Failure { code, message: message.into() })
    }

    /// Not before so many seconds have passed.
    pub fn retry_after(code: FailureCode, message: impl Into<String>, seconds: u32) -> SourceError {
        SourceError::RetryAfter((Failure { code, message: message.into() }, seconds))
    }

    /// The address is not one of a video after all.
    pub fn unsupported(message: impl Into<String>) -> SourceError {
        SourceError::give_up(FailureCode::UnsupportedUrl, message)
    }

    /// The site answered something that makes no sense. Sites have bad moments,
    /// so later may do.
    pub fn nonsense(message: impl Into<String>) -> SourceError {
        SourceError::retry(FailureCode::SourceFailed, message)
    }
}

impl From<HttpError> for SourceError {
    fn from(error: HttpError) -> SourceError {
        match error {
            HttpError::Refused(why) | HttpError::Invalid(why) | HttpError::TooLarge(why) => {
                SourceError::give_up(FailureCode::SourceFailed, why)
            }
            HttpError::Exhausted(why) => SourceError::retry(FailureCode::SourceFailed, why),
            HttpError::Timeout(why) => SourceError::retry(FailureCode::SourceTimeout, why),
            HttpError::Unreachable(why) => SourceError::retry(FailureCode::SourceUnreachable, why),
        }
    }
}
