//! Finds out how a span of a file is cut: which keyframe starts the body, and what
//! head and tail must fulfil.

use std::ops::Range;
use std::sync::Arc;

use super::codec::{EntryPoint, PartJoiner, Splice};
use super::codecs::splice_codec;
use super::constraints::SpliceConstraints;
use super::parts::{FileTrack, RewrittenSamples};
use super::plan::{SmartCutPlan, keyframe_candidates, plan_smart_cut};
use crate::{MediaError, ReadAt, Track, TrackKind};

/// A smart cut that can be made.
#[derive(Debug, Clone)]
pub struct SmartCut {
    /// Which frames are copied and which are encoded.
    pub plan: SmartCutPlan,
    /// What the encoder of head and tail must fulfil.
    pub constraints: SpliceConstraints,
    /// Samples of a body whose open GOP is closed.
    pub(super) rewritten: RewrittenSamples,
    pub(super) joiner: Arc<dyn PartJoiner>,
}

impl SmartCut {
    /// Whether the body starts with the keyframe of an open GOP of H.264, so that
    /// its samples get other slice headers.
    pub fn rewrites_open_gop(&self) -> bool {
        !self.rewritten.is_empty()
    }
}

/// Finds out how the frames with `from <= pts < to` (ticks of the track) are cut.
/// Reads the keyframes in question and the headers of all NAL units of the body.
///
/// Without a usable keyframe in the span the plan's body is empty and its head is
/// everything; the caller decides whether that is worth it.
///
/// # Errors
/// `Nothing` when no frame is within the span; `Unsupported` when it can't be cut
/// safely, with the reason; `Damaged` and `Read` as files go.
pub async fn prepare(
    file: &dyn ReadAt,
    track: &Track,
    from: i64,
    to: i64,
) -> Result<SmartCut, MediaError> {
    prepare_inspecting(FileTrack { file, track }, from..to, usize::MAX).await
}

/// The same as [`prepare`] for a file whose bytes are there only up to the first
/// usable keyframe. The other samples of the body are assumed to be like that
/// keyframe; [`prepare`] may find later that they are not.
///
/// # Errors
/// As [`prepare`].
pub async fn prepare_early(
    file: &dyn ReadAt,
    track: &Track,
    from: i64,
    to: i64,
) -> Result<SmartCut, MediaError> {
    prepare_inspecting(FileTrack { file, track }, from..to, 1).await
}

/// Prepares a cut by the first `inspected` samples of the body.
async fn prepare_inspecting(
    source: FileTrack<'_>,
    span: Range<i64>,
    inspected: usize,
) -> Result<SmartCut, MediaError> {
    let track = source.track;
    if track.kind != TrackKind::Video {
        return Err(MediaError::unsupported("only video is cut by frames"));
    }
    let span = track.edit.within(span);
    let start = find_body_start(source, span.clone(), inspected).await?;
    let keyframe = start.as_ref().map(|start| start.keyframe);
    let rewritten = start.map(|start| start.rewritten).unwrap_or_default();
    let plan = plan_smart_cut(track, span, |candidate| Ok(Some(candidate) == keyframe))?;
    let codec = splice_codec(&track.codec)?;
    if !codec.marks_leading_pictures() && rewritten.is_empty() {
        check_no_leading_pictures(&plan.body)?;
    }
    // Without a body, the track's first keyframe says what the stream is like.
    let first = track.samples.iter().position(|sample| sample.sync);
    let samples = if plan.body.is_empty() { first.as_slice() } else { &plan.body };
    let samples = samples.get(..inspected).unwrap_or(samples);
    let Splice { constraints, joiner } = codec.splice(source, samples).await?;
    Ok(SmartCut { plan, constraints, rewritten, joiner })
}

/// The keyframe that starts the body.
struct BodyStart {
    keyframe: usize,
    /// The body, where its open GOP had to be closed.
    rewritten: RewrittenSamples,
}

/// Finds the first keyframe of the span at which decoding can start.
///
/// # Errors
/// When there is none but one of an open GOP that can't be closed: why not.
async fn find_body_start(
    source: FileTrack<'_>,
    span: Range<i64>,
    inspected: usize,
) -> Result<Option<BodyStart>, MediaError> {
    let track = source.track;
    // To close a GOP the whole body is read, which is done at most once.
    let mut refused = None;
    for keyframe in keyframe_candidates(track, span.clone()) {
        let codec = splice_codec(&track.codec)?;
        match codec.entry_point(source, source.sample(keyframe)?).await? {
            EntryPoint::Independent => {
                return Ok(Some(BodyStart { keyframe, rewritten: RewrittenSamples::new() }));
            }
            EntryPoint::OpenGop if refused.is_none() => {
                let plan = plan_smart_cut(track, span.clone(), |other| Ok(other == keyframe))?;
                let body = plan.body.get(..inspected).unwrap_or(&plan.body);
                match codec.close_open_gop(source, body).await {
                    Ok(rewritten) => return Ok(Some(BodyStart { keyframe, rewritten })),
                    Err(why) => refused = Some(why),
                }
            }
            EntryPoint::OpenGop | EntryPoint::None => {}
        }
    }
    match refused {
        Some(why) => Err(why),
        None => Ok(None),
    }
}

/// Refuses leading pictures: where the bitstream doesn't mark them, they are a sign
/// of wrong timestamps.
fn check_no_leading_pictures(body: &[usize]) -> Result<(), MediaError> {
    match (body.first(), body.last()) {
        (Some(first), Some(last)) if last - first + 1 != body.len() => {
            Err(MediaError::unsupported("frames after a keyframe are output before it"))
        }
        _ => Ok(()),
    }
}
