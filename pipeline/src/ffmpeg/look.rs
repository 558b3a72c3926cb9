//! The times of frames as a decoder gives them out.

use std::ffi::OsString;
use std::time::Duration;

use clipmill_core::probe::Rational;
use clipmill_core::process::{self, Spec};
use clipmill_core::{Code, Error};

use super::args::{Look, look, pictures};
use super::{Frame, Frames, Input, Tools};

/// Longest time for a look at a result.
const DEADLINE: Duration = Duration::from_secs(600);

/// A decoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    /// When it is shown, ticks of its file.
    pub pts: i64,
    /// A sum of all its bytes.
    pub sum: String,
}

impl Tools {
    /// Decodes frames and lists them in the order in which they come; none when
    /// the decoder finds a mistake.
    ///
    /// # Errors
    /// `tool_missing`.
    pub(crate) async fn look(&self, job: &Look<'_>) -> Result<Option<Frames>, Error> {
        let (mut list, mut time_base) = (Vec::new(), None);
        let decoded = self.listed(look(job), |line| {
            if let Some(base) = line.strip_prefix("#tb 0: ") {
                time_base = rational(base);
            } else if let Some(pts) = pts(line) {
                list.push(Frame { pts, key: false });
            }
        });
        let decoded = decoded.await?;
        Ok(time_base.filter(|_| decoded).map(|time_base| Frames { time_base, list }))
    }

    /// Decodes all pictures of a file, in the order in which they come; none
    /// when the decoder finds a mistake.
    ///
    /// # Errors
    /// `tool_missing`.
    pub(crate) async fn pictures(&self, input: &Input) -> Result<Option<Vec<Picture>>, Error> {
        let mut list = Vec::new();
        let decoded = self.listed(pictures(input), |line| list.extend(picture(line)));
        Ok(decoded.await?.then_some(list))
    }

    /// Runs a decoder that writes lines; answers whether it found no mistake.
    async fn listed(
        &self,
        args: Vec<OsString>,
        line: impl FnMut(&str) + Send,
    ) -> Result<bool, Error> {
        match process::run_lines(Spec::new(&self.ffmpeg, args, DEADLINE), line).await {
            Ok(_) => Ok(true),
            Err(failure @ (process::Failure::NotFound(_) | process::Failure::Spawn { .. })) => {
                tracing::warn!(error = %failure, "ffmpeg can't be started");
                Err(Error::later(Code::ToolMissing, "ffmpeg can't be started on this server"))
            }
            Err(failure) => {
                tracing::info!(error = %failure, stderr = failure.stderr_tail(), "not decodable");
                Ok(false)
            }
        }
    }
}

/// `0,       1024,       1024,      512,   345600, 0x8a4c1b2d`
fn pts(line: &str) -> Option<i64> {
    line.split(',').nth(2)?.trim().parse().ok()
}

fn picture(line: &str) -> Option<Picture> {
    let sum = line.split(',').nth(5)?.trim().to_owned();
    Some(Picture { pts: pts(line)?, sum })
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
        let sum = "0xc5e41fbc".to_owned();
        let line = "0,     932352,     932860,      512,      472, 0xc5e41fbc";
        assert_eq!(picture(line), Some(Picture { pts: 932_860, sum }));
        assert_eq!(pts("#dimensions 0: 640x360"), None);
        assert_eq!(rational("1/15360"), Some(Rational { num: 1, den: 15_360 }));
        assert_eq!((rational("1/0"), rational("x")), (None, None));
    }
}
