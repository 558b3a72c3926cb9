//! A decoder looks at both seams of a result before anybody gets it.

use std::path::Path;

use super::{Picture, Trouble};
use crate::context::PipelineContext;
use crate::ffmpeg::{Frames, Input, Look};

/// Frames that are decoded beyond a seam.
const BEYOND: usize = 3;
/// Frames before a keyframe that a decoder may give out with it, at most.
const MORE: usize = 64;
/// By how much a time may be rounded by a file format, microseconds.
const ROUNDED: i64 = 1000;

/// Decodes around the seams, both at the same time, and compares the times of
/// the frames with those that were put there.
pub(super) async fn seams(
    context: &PipelineContext,
    path: &Path,
    picture: &Picture,
) -> Result<(), Trouble> {
    let input = Input::file(path).await?;
    let (head, tail) = picture.encoded;
    let count = picture.times.len();
    let front = look(context, &input, picture, head, head.saturating_add(BEYOND));
    let back = look(context, &input, picture, count.saturating_sub(tail), count);
    let front = async { if head == 0 { Ok(()) } else { front.await } };
    let back = async { if tail == 0 { Ok(()) } else { back.await } };
    tokio::try_join!(front, back)?;
    Ok(())
}

/// Decodes from the last keyframe before the frame `seam` to before the frame
/// `end`, both counted as they are shown.
async fn look(
    context: &PipelineContext,
    input: &Input,
    picture: &Picture,
    seam: usize,
    end: usize,
) -> Result<(), Trouble> {
    let before = picture.times.get(..seam).unwrap_or_default();
    let key =
        picture.keys.iter().filter(|key| before.last().is_some_and(|last| *key <= last)).max();
    let key = key.ok_or_else(|| Trouble::Unfit("no keyframe is before a seam".to_owned()))?;
    let begin = before.partition_point(|time| time < key);
    let wanted = picture.times.get(begin..end.min(picture.times.len())).unwrap_or_default();
    let wanted: Vec<i64> = wanted.iter().map(|ticks| picture.timescale.micros(*ticks)).collect();
    let from = picture.timescale.micros(*key);
    let from_micros = (begin > 0).then_some(from);
    // What is shown before the keyframe may come out as well.
    let more = if end == picture.times.len() { MORE } else { 0 };
    let look = Look { input, from_micros, frames: wanted.len() + more };
    compare(context.tools.look(&look).await?, &wanted, from - ROUNDED)
}

/// Whether these are the wanted frames, of those that are not before `from`.
fn compare(seen: Option<Frames>, wanted: &[i64], from: i64) -> Result<(), Trouble> {
    let unfit = |why: &str| Err(Trouble::Unfit(why.to_owned()));
    let Some(seen) = seen else { return unfit("a decoder finds a mistake at the seam") };
    let times: Vec<i64> = seen.list.iter().map(|frame| seen.micros(frame.pts)).collect();
    let times: Vec<i64> = times.into_iter().filter(|time| *time >= from).collect();
    let equal = times.len() == wanted.len()
        && times.iter().zip(wanted).all(|(seen, wanted)| (seen - wanted).abs() <= ROUNDED);
    if equal {
        return Ok(());
    }
    tracing::warn!(seen = times.len(), wanted = wanted.len(), "the seam is not right");
    unfit("a decoder sees other frames at the seam")
}
