//! The programs, found and looked at once.

use std::path::Path;

use clipmill_plugins::Encoders;
use clipmill_plugins::media::Probe;

use crate::config::Config;
use crate::pipeline::StageError;

/// A tool that is missing or too old, with the command that mends it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ToolProblem(pub String);

/// ffmpeg and ffprobe.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Version of ffmpeg, as it prints it.
    pub version: String,
    /// Encoders that it has.
    pub encoders: Encoders,
}

impl Tools {
    /// Finds both programs and asks for version and encoders.
    ///
    /// # Errors
    /// What is missing, and the command that installs it.
    pub async fn discover(_config: &Config) -> Result<Tools, ToolProblem> {
        unimplemented!()
    }

    /// Looks at a local file. The demuxer is chosen by content among those
    /// that can't refer to other files; there is no network.
    ///
    /// # Errors
    /// `no_video` when there is no picture, `not_media` when nothing can be read.
    pub async fn probe(&self, _path: &Path) -> Result<Probe, StageError> {
        unimplemented!()
    }
}
