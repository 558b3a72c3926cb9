//! A decoder checks both splices of a result before it leaves the pipeline.

use std::path::Path;

use clipmill_core::Timescale;
use clipmill_media::mux::OutTrack;

use super::job::{SmartCutError, SmartCutJob};
use crate::context::PipelineContext;
use crate::ffmpeg::{DecodeCheck, Frames, Input};

/// Frames that are decoded beyond the splice of head and body.
const FRAMES_BEYOND: usize = 3;
/// Frames before a keyframe that a decoder may give out with it, at most.
const MAX_LEADING: usize = 64;
/// By how much a container may round a timestamp, microseconds.
const ROUNDING_MICROS: i64 = 1000;

/// When the frames of a result are shown, and which of them were re-encoded.
pub(super) struct SplicedTimes {
    timescale: Timescale,
    /// Timestamps of all frames, ticks, in the order of presentation.
    frames: Vec<i64>,
    /// The keyframes' timestamps, ticks.
    keyframes: Vec<i64>,
    encoded: EncodedEnds,
}

/// How many frames were re-encoded at the start and at the end.
#[derive(Clone, Copy)]
pub(super) struct EncodedEnds {
    pub head: usize,
    pub tail: usize,
}

impl SplicedTimes {
    /// Those of a track that is written.
    pub fn new(video: &OutTrack, encoded: EncodedEnds) -> SplicedTimes {
        let mut frames: Vec<i64> = video.samples.iter().map(|sample| sample.pts).collect();
        frames.sort_unstable();
        let keyframes = video.samples.iter().filter(|sample| sample.sync);
        let keyframes = keyframes.map(|sample| sample.pts).collect();
        SplicedTimes { timescale: video.track.timescale, frames, keyframes, encoded }
    }
}

/// Lets ffprobe list the frames of the source that are wanted: what our reader got
/// wrong, a check with our reader can't find.
pub(super) async fn verify_frame_times(job: &SmartCutJob<'_>) -> Result<(), SmartCutError> {
    let video = job.fetched.media.video_stream()?;
    let deadline = job.context.settings.stage_deadline;
    let frames = job.context.tools.frames(&job.inputs.video, video, deadline).await?;
    let window = job.exact.window;
    let is_wanted =
        |pts: i64| pts >= window.start_pts && window.end_pts.is_none_or(|end| pts < end);
    let listed = frames.list.iter().filter(|frame| is_wanted(frame.pts)).count() as u64;
    let first = frames.list.iter().map(|frame| frame.pts).find(|pts| is_wanted(*pts));
    if listed == job.exact.count && first == Some(window.start_pts) {
        return Ok(());
    }
    tracing::warn!(listed, wanted = job.exact.count, "ffprobe lists other frames of the source");
    Err(SmartCutError::unfit("two readers of the file see different frames in it"))
}

/// Decodes around the splices, both at the same time, and compares the timestamps
/// of the frames with those that were written.
pub(super) async fn verify_splices(
    context: &PipelineContext,
    path: &Path,
    times: &SplicedTimes,
) -> Result<(), SmartCutError> {
    let input = Input::file(path).await?;
    let EncodedEnds { head, tail } = times.encoded;
    let count = times.frames.len();
    let head_splice = async {
        if head == 0 {
            return Ok(());
        }
        verify_splice(context, &input, times, head, head.saturating_add(FRAMES_BEYOND)).await
    };
    let tail_splice = async {
        if tail == 0 {
            return Ok(());
        }
        verify_splice(context, &input, times, count.saturating_sub(tail), count).await
    };
    tokio::try_join!(head_splice, tail_splice)?;
    Ok(())
}

/// Decodes from the last keyframe before the frame `splice` to before the frame
/// `end`, both counted in the order of presentation.
async fn verify_splice(
    context: &PipelineContext,
    input: &Input,
    times: &SplicedTimes,
    splice: usize,
    end: usize,
) -> Result<(), SmartCutError> {
    let before = times.frames.get(..splice).unwrap_or_default();
    let keyframe = before
        .last()
        .and_then(|last| times.keyframes.iter().filter(|keyframe| *keyframe <= last).max())
        .ok_or_else(|| SmartCutError::unfit("no keyframe is before a splice"))?;
    let start = before.partition_point(|time| time < keyframe);
    let wanted = times.frames.get(start..end.min(times.frames.len())).unwrap_or_default();
    let wanted: Vec<i64> = wanted.iter().map(|ticks| times.timescale.micros(*ticks)).collect();
    let from = times.timescale.micros(*keyframe);
    let from_micros = (start > 0).then_some(from);
    // What is shown before the keyframe may come out as well.
    let more = if end == times.frames.len() { MAX_LEADING } else { 0 };
    let check = DecodeCheck { input, from_micros, frames: wanted.len() + more };
    let decoded = context.tools.check_decodable(&check).await?;
    compare(decoded, &wanted, from - ROUNDING_MICROS)
}

/// Whether these are the wanted frames, of those that are not before `from`.
fn compare(decoded: Option<Frames>, wanted: &[i64], from: i64) -> Result<(), SmartCutError> {
    let Some(decoded) = decoded else {
        return Err(SmartCutError::unfit("a decoder finds a mistake at the splice"));
    };
    let times: Vec<i64> = decoded
        .list
        .iter()
        .map(|frame| decoded.micros(frame.pts))
        .filter(|time| *time >= from)
        .collect();
    let is_equal = times.len() == wanted.len()
        && times.iter().zip(wanted).all(|(time, wanted)| (time - wanted).abs() <= ROUNDING_MICROS);
    if is_equal {
        return Ok(());
    }
    tracing::warn!(decoded = times.len(), wanted = wanted.len(), "a splice has other frames");
    Err(SmartCutError::unfit("a decoder sees other frames at the splice"))
}
