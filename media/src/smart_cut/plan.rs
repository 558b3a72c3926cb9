//! Which frames of a span are copied and which are encoded, from the sample table
//! alone.

use std::ops::Range;

use crate::{MediaError, Track};

/// What is done with each frame of a span. All lists hold indexes of samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmartCutPlan {
    /// All frames of the span in output order: those of `head`, of `body`, of
    /// `tail`.
    pub wanted: Vec<usize>,
    /// Frames before the first usable keyframe, to be encoded, in output order.
    pub head: Vec<usize>,
    /// Frames to be copied, in decoding order, the keyframe first. Empty when the
    /// span has no usable keyframe; then `head` is everything.
    pub body: Vec<usize>,
    /// Frames after the last copied one, to be encoded, in output order. They are
    /// few: those that refer to a frame beyond the span.
    pub tail: Vec<usize>,
}

impl SmartCutPlan {
    /// Number of frames that are encoded.
    pub fn encoded_frames(&self) -> usize {
        self.head.len() + self.tail.len()
    }
}

/// Plans a cut of the frames whose timestamps, in ticks of the track, are in
/// `span`.
///
/// `is_entry` says whether decoding can start at a sample. It is called for sync
/// samples of the span only, in decoding order, until it returns true.
///
/// # Errors
/// `Nothing` when no frame is within the span, `Unsupported` when two frames of it
/// have the same timestamp, and those of `is_entry`.
pub(super) fn plan_smart_cut(
    track: &Track,
    span: Range<i64>,
    mut is_entry: impl FnMut(usize) -> Result<bool, MediaError>,
) -> Result<SmartCutPlan, MediaError> {
    let wanted = frames_in_output_order(track, span.clone())?;
    let pts = |index: usize| track.samples.get(index).map_or(i64::MAX, |sample| sample.pts);
    let mut first = None;
    for candidate in keyframe_candidates(track, span.clone()) {
        if is_entry(candidate)? {
            first = Some(candidate);
            break;
        }
    }
    let Some(first) = first else {
        let head = wanted.clone();
        return Ok(SmartCutPlan { head, wanted, body: Vec::new(), tail: Vec::new() });
    };

    let key = pts(first);
    // Leading pictures follow the keyframe in decoding order and precede it in
    // output order: they may refer to earlier frames, so they are encoded.
    let (head, rest) = wanted.split_at(wanted.partition_point(|index| pts(*index) < key));
    let mut body: Vec<usize> = (first..track.samples.len())
        .take_while(|index| pts(*index) < span.end)
        .filter(|index| pts(*index) >= key)
        .collect();
    // The body ends where all of it precedes all of the tail in output order. The
    // first n frames in decoding order are the first n in output order exactly
    // when the latest of them has output index n - 1.
    let mut latest = 0;
    let mut length = 0;
    for (count, index) in body.iter().enumerate() {
        latest = latest.max(rest.partition_point(|other| pts(*other) < pts(*index)));
        if latest == count {
            length = count + 1;
        }
    }
    body.truncate(length);
    let (head, tail) = (head.to_vec(), rest.get(length..).unwrap_or_default().to_vec());
    Ok(SmartCutPlan { wanted, head, body, tail })
}

/// The sync samples of a span in decoding order.
pub(super) fn keyframe_candidates(track: &Track, span: Range<i64>) -> impl Iterator<Item = usize> {
    let samples = track.samples.iter().enumerate();
    samples
        .filter(move |(_, sample)| sample.sync && span.contains(&sample.pts))
        .map(|(index, _)| index)
}

fn frames_in_output_order(track: &Track, span: Range<i64>) -> Result<Vec<usize>, MediaError> {
    let samples = track.samples.iter().enumerate();
    let mut wanted: Vec<(i64, usize)> = samples
        .filter(|(_, sample)| span.contains(&sample.pts))
        .map(|(index, sample)| (sample.pts, index))
        .collect();
    wanted.sort_unstable();
    if wanted.is_empty() {
        return Err(MediaError::nothing("no frame is within the span"));
    }
    if wanted.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(MediaError::unsupported("two frames have the same timestamp"));
    }
    Ok(wanted.into_iter().map(|(_, index)| index).collect())
}
