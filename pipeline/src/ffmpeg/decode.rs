//! A running decoder, whose frames or samples are taken at the reader's pace.

use std::ffi::OsString;

use clipmill_core::Error;
use clipmill_core::process::{Limits, Piped, Spec};

use super::Tools;
use super::run::{Bounds, told};

/// An ffmpeg that writes what it decodes to a pipe, and waits while nobody
/// reads. Dropping it kills it.
pub(crate) struct Decoder {
    piped: Piped,
    bounds: Bounds,
}

impl Tools {
    /// Starts a decoder with the arguments of [`super::raw_picture`] or
    /// [`super::raw_sound`].
    ///
    /// # Errors
    /// `tool_missing`.
    pub(crate) fn decode(&self, args: Vec<OsString>, bounds: Bounds) -> Result<Decoder, Error> {
        let spec = Spec {
            silence: Some(bounds.silence),
            limits: Limits { memory_bytes: bounds.memory_bytes, file_bytes: bounds.file_bytes },
            ..Spec::new(&self.ffmpeg, args, bounds.deadline)
        };
        tracing::debug!(args = ?spec.args, "ffmpeg starts");
        Decoder::start(spec, bounds)
    }
}

impl Decoder {
    /// Starts any program that writes as a decoder does.
    ///
    /// # Errors
    /// `tool_missing`.
    pub(crate) fn start(spec: Spec, bounds: Bounds) -> Result<Decoder, Error> {
        let piped = Piped::start(spec).map_err(|failure| told(&failure, bounds))?;
        Ok(Decoder { piped, bounds })
    }

    /// Fills `piece` with the next bytes. Fewer mean that there are no more.
    ///
    /// # Errors
    /// As [`Tools::run`].
    pub(crate) async fn fill(&mut self, piece: &mut [u8]) -> Result<usize, Error> {
        self.piped.fill(piece).await.map_err(|failure| told(&failure, self.bounds))
    }
}
