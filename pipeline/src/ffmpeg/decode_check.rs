//! Decodes a result to check it: the methods of [`Tools`] that list what a decoder
//! gives out.

use std::ffi::OsString;
use std::time::Duration;

use clipmill_core::probe::Rational;
use clipmill_core::process::{self, Spec};
use clipmill_core::{Code, Error};

use super::args::{DecodeCheck, decode_check_args, frame_hash_args};
use super::frame_list::{Frame, Frames};
use super::input::Input;
use super::tools::Tools;

/// Longest time for the check of a result.
const DEADLINE: Duration = Duration::from_secs(600);

/// A decoded frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FrameHash {
    /// When it is shown, ticks of its file.
    pub pts: i64,
    /// A checksum of all its bytes.
    pub hash: String,
}

impl Tools {
    /// Decodes frames and lists them in the order in which they come out; none when
    /// the decoder finds an error.
    ///
    /// # Errors
    /// `tool_missing`.
    pub(crate) async fn check_decodable(
        &self,
        job: &DecodeCheck<'_>,
    ) -> Result<Option<Frames>, Error> {
        let mut list = Vec::new();
        let mut time_base = None;
        let is_clean = self.list_decoded(decode_check_args(job), |line| {
            if let Some(base) = line.strip_prefix("#tb 0: ") {
                time_base = rational(base);
            } else if let Some(pts) = pts(line) {
                list.push(Frame { pts, key: false });
            }
        });
        let is_clean = is_clean.await?;
        Ok(time_base.filter(|_| is_clean).map(|time_base| Frames { time_base, list }))
    }

    /// Decodes all frames of a file, in the order in which they come out; none when
    /// the decoder finds an error.
    ///
    /// # Errors
    /// `tool_missing`.
    pub(crate) async fn frame_hashes(
        &self,
        input: &Input,
    ) -> Result<Option<Vec<FrameHash>>, Error> {
        let mut list = Vec::new();
        let args = frame_hash_args(input);
        let is_clean = self.list_decoded(args, |line| list.extend(frame_hash(line))).await?;
        Ok(is_clean.then_some(list))
    }

    /// Runs a decoder that writes lines; returns whether it found no error.
    async fn list_decoded(
        &self,
        args: Vec<OsString>,
        line: impl FnMut(&str) + Send,
    ) -> Result<bool, Error> {
        match process::run_lines(Spec::new(&self.ffmpeg, args, DEADLINE), line).await {
            Ok(_) => Ok(true),
            Err(failure @ (process::Failure::NotFound(_) | process::Failure::Spawn { .. })) => {
                tracing::warn!(error = %failure, "ffmpeg can't be started");
                let message = "ffmpeg can't be started on this server";
                Err(Error::later(Code::ToolMissing, message).caused_by(failure))
            }
            Err(failure) => {
                let stderr = failure.stderr_tail();
                tracing::debug!(error = %failure, stderr, "the decoder found an error");
                Ok(false)
            }
        }
    }
}

/// `0,       1024,       1024,      512,   345600, 0x8a4c1b2d`
fn pts(line: &str) -> Option<i64> {
    line.split(',').nth(2)?.trim().parse().ok()
}

fn frame_hash(line: &str) -> Option<FrameHash> {
    let hash = line.split(',').nth(5)?.trim().to_owned();
    Some(FrameHash { pts: pts(line)?, hash })
}

fn rational(text: &str) -> Option<Rational> {
    let (num, den) = text.trim().split_once('/')?;
    Some(Rational { num: num.parse().ok()?, den: den.parse().ok().filter(|den| *den > 0)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_frames_are_read() {
        assert_eq!(pts("0,     932352,     932860,      512,      472, 0xc5e41fbc"), Some(932_860));
        let hash = "0xc5e41fbc".to_owned();
        let line = "0,     932352,     932860,      512,      472, 0xc5e41fbc";
        assert_eq!(frame_hash(line), Some(FrameHash { pts: 932_860, hash }));
        assert_eq!(pts("#dimensions 0: 640x360"), None);
        assert_eq!(rational("1/15360"), Some(Rational { num: 1, den: 15_360 }));
        assert_eq!((rational("1/0"), rational("x")), (None, None));
    }
}
