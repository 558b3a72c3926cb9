//! A smart cut that is wanted, what becomes of it, and why one is given up.

use clipmill_core::disk::file_error;
use clipmill_core::{Code, Error};
use clipmill_media::mux::WriteError;
use clipmill_media::smart_cut::SmartCut;
use clipmill_media::{MediaErrorKind, Track};
use clipmill_plugins::EncodePlan;

use crate::context::PipelineContext;
use crate::index::SampleIndex;
use crate::stages::{Encoded, ExactFrames, Fetched};
use crate::transcode_job::TranscodeInputs;

/// A smart cut that is wanted.
pub(crate) struct SmartCutJob<'a> {
    pub context: &'a PipelineContext,
    pub fetched: &'a Fetched,
    /// The files, and the audio streams that are kept.
    pub inputs: &'a TranscodeInputs,
    /// The samples of the video's file.
    pub index: &'a SampleIndex,
    /// Which frames.
    pub exact: ExactFrames,
    /// Container of the result, and how audio is encoded that can't be copied.
    pub plan: &'a EncodePlan,
}

/// What is copied and what is encoded, and the track with the timestamps that the
/// result gets.
pub(super) struct PreparedCut {
    pub track: Track,
    pub cut: SmartCut,
}

/// What became of a smart cut.
pub(crate) enum SmartCutOutcome {
    /// The file, verified.
    Encoded(Box<Encoded>),
    /// The span has no keyframe, so that there is nothing to copy.
    NothingToCopy,
    /// Why all of it has to be encoded, for people.
    Unfit(String),
}

/// Why a smart cut is given up.
pub(super) enum SmartCutError {
    /// There is nothing to copy.
    NothingToCopy,
    /// It can't be cut this way; encoding all of it may succeed. With the reason
    /// for people.
    Unfit(String),
    /// Nothing can be encoded now, in no way.
    Failed(Error),
}

impl SmartCutError {
    /// It can't be cut this way, because of this.
    pub fn unfit(why: &str) -> SmartCutError {
        SmartCutError::Unfit(why.to_owned())
    }
}

impl From<clipmill_media::MediaError> for SmartCutError {
    fn from(error: clipmill_media::MediaError) -> SmartCutError {
        if error.kind == MediaErrorKind::Read {
            tracing::error!(%error, "a work file can't be read");
            let message = "a file on this server could not be read";
            return SmartCutError::Failed(Error::later(Code::Internal, message).caused_by(error));
        }
        SmartCutError::Unfit(error.what)
    }
}

impl From<Error> for SmartCutError {
    fn from(error: Error) -> SmartCutError {
        match error.code {
            Code::EncodeFailed | Code::NotMedia => SmartCutError::Unfit(error.message),
            _ => SmartCutError::Failed(error),
        }
    }
}

impl From<std::io::Error> for SmartCutError {
    fn from(error: std::io::Error) -> SmartCutError {
        SmartCutError::Failed(file_error(error))
    }
}

impl From<WriteError> for SmartCutError {
    fn from(error: WriteError) -> SmartCutError {
        match error {
            WriteError::Io(error) => error.into(),
            WriteError::Media(error) => error.into(),
        }
    }
}
