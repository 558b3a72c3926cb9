//! Which frames of a span are copied and which have to be encoded, from the
//! table of samples alone.

use crate::{Error, Track};

/// What becomes of each frame of a span. All lists hold indexes of samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// All frames of the span in the order of presentation: those of `head`,
    /// of `body`, of `tail`.
    pub wanted: Vec<usize>,
    /// Frames before the first usable keyframe, to be encoded, in the order of
    /// presentation.
    pub head: Vec<usize>,
    /// Frames to be copied, in decoding order, the keyframe first. Empty when
    /// the span has no usable keyframe; then `head` is everything.
    pub body: Vec<usize>,
    /// Frames after the last copied one, to be encoded, in the order of
    /// presentation. They are few: those that need a frame beyond the span.
    pub tail: Vec<usize>,
}

impl Plan {
    /// Frames that have to be encoded.
    pub fn encoded(&self) -> usize {
        self.head.len() + self.tail.len()
    }
}

/// Plans a cut of the frames with `from <= pts < to`, ticks of the track.
///
/// `entry` tells whether decoding can begin at a sample with nothing of what
/// is before it; it is only asked for sync samples of the span, in decoding
/// order, until it says yes.
///
/// # Errors
/// `Nothing` when no frame is within the span, `Unsupported` when two frames
/// of it have the same time, and those of `entry`.
pub fn plan(
    track: &Track,
    from: i64,
    to: i64,
    mut entry: impl FnMut(usize) -> Result<bool, Error>,
) -> Result<Plan, Error> {
    let wanted = wanted(track, from, to)?;
    let pts = |index: usize| track.samples.get(index).map_or(i64::MAX, |sample| sample.pts);
    let mut first = None;
    for candidate in candidates(track, from, to) {
        if entry(candidate)? {
            first = Some(candidate);
            break;
        }
    }
    let Some(first) = first else {
        return Ok(Plan { head: wanted.clone(), wanted, body: Vec::new(), tail: Vec::new() });
    };

    let key = pts(first);
    // Leading pictures are decoded after the keyframe, but shown before it:
    // they need what was before, so that they are encoded.
    let (head, rest) = wanted.split_at(wanted.partition_point(|index| pts(*index) < key));
    let mut body: Vec<usize> = (first..track.samples.len())
        .take_while(|index| pts(*index) < to)
        .filter(|index| pts(*index) >= key)
        .collect();
    // The copy ends where all of it is shown before all that is encoded. The
    // first n in decoding order are the first n to be shown exactly when the
    // latest of them has place n - 1.
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
    Ok(Plan { wanted, head, body, tail })
}

/// The sync samples of a span in decoding order.
pub(super) fn candidates(track: &Track, from: i64, to: i64) -> impl Iterator<Item = usize> {
    let samples = track.samples.iter().enumerate();
    samples
        .filter(move |(_, sample)| sample.sync && (from..to).contains(&sample.pts))
        .map(|(index, _)| index)
}

fn wanted(track: &Track, from: i64, to: i64) -> Result<Vec<usize>, Error> {
    let samples = track.samples.iter().enumerate();
    let mut wanted: Vec<(i64, usize)> = samples
        .filter(|(_, sample)| (from..to).contains(&sample.pts))
        .map(|(index, sample)| (sample.pts, index))
        .collect();
    wanted.sort_unstable();
    if wanted.is_empty() {
        return Err(Error::nothing("no frame is within the span"));
    }
    if wanted.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(Error::unsupported("two frames have the same time"));
    }
    Ok(wanted.into_iter().map(|(_, index)| index).collect())
}
