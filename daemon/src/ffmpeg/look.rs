//! The times of frames as a decoder gives them out.

use std::time::Duration;

use clipmill_plugins::media::Rational;
use clipmill_plugins::process::{self, Spec};

use super::args::{Look, look};
use super::{Frame, Frames, Tools};
use crate::pipeline::StageError;

/// Longest time for a look at a result.
const DEADLINE: Duration = Duration::from_secs(600);

impl Tools {
    /// Decodes frames and lists them in the order in which they come; none when
    /// the decoder finds a mistake.
    ///
    /// # Errors
    /// `tool_missing`.
    pub(crate) async fn look(&self, job: &Look<'_>) -> Result<Option<Frames>, StageError> {
        let (mut list, mut time_base) = (Vec::new(), None);
        let spec = Spec::new(&self.ffmpeg, look(job), DEADLINE);
        let ended = process::run_lines(spec, |line| {
            if let Some(base) = line.strip_prefix("#tb 0: ") {
                time_base = rational(base);
            } else if let Some(pts) = pts(line) {
                list.push(Frame { pts, key: false });
            }
        })
        .await;
        match ended {
            Ok(_) => Ok(time_base.map(|time_base| Frames { time_base, list })),
            Err(failure @ (process::Failure::NotFound(_) | process::Failure::Spawn { .. })) => {
                tracing::warn!(error = %failure, "ffmpeg can't be started");
                Err(StageError::later("tool_missing", "ffmpeg can't be started on this server"))
            }
            Err(failure) => {
                tracing::info!(error = %failure, stderr = failure.stderr_tail(), "not decodable");
                Ok(None)
            }
        }
    }
}

/// `0,       1024,       1024,      512,   345600, 0x8a4c1b2d`
fn pts(line: &str) -> Option<i64> {
    line.split(',').nth(2)?.trim().parse().ok()
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
        assert_eq!(pts("#dimensions 0: 640x360"), None);
        assert_eq!(rational("1/15360"), Some(Rational { num: 1, den: 15_360 }));
        assert_eq!((rational("1/0"), rational("x")), (None, None));
    }
}
