//! The least part of a picture from which some of its frames can be decoded, as
//! a file of its own: an encoder that reads it decodes nothing else, whatever
//! the source's format is.

use clipmill_media::Track;
use clipmill_media::mux::{Data, OutSample, OutTrack};
use clipmill_media::track::UPRIGHT;

use super::Trouble;

/// Frames with what comes before them.
pub(super) struct Lead {
    pub track: OutTrack,
    /// Time 0 of the file, ticks of the source.
    pub zero: i64,
}

/// The samples from the last keyframe before `frames` on, which are indexes in
/// the order of presentation.
pub(super) fn lead(track: &Track, frames: &[usize]) -> Result<Lead, Trouble> {
    let none = || Trouble::Unfit("there is no keyframe before it to decode from".to_owned());
    let pts = |index: &usize| track.samples.get(*index).map(|sample| sample.pts);
    let first = frames.first().and_then(pts).ok_or_else(none)?;
    let earliest = frames.iter().min().ok_or_else(none)?;
    let latest = frames.iter().max().ok_or_else(none)?;
    let before = track.samples.get(..=*earliest).unwrap_or_default();
    let from =
        before.iter().rposition(|sample| sample.sync && sample.pts <= first).ok_or_else(none)?;
    let needed = track.samples.get(from..=*latest).unwrap_or_default();
    let zero = needed.first().map(|key| key.pts).ok_or_else(none)?;
    // What is shown before the keyframe needs what was before it.
    let samples = needed.iter().filter(|sample| sample.pts >= zero).map(|sample| OutSample {
        data: Data::Of { file: 0, offset: sample.offset, size: sample.size },
        pts: sample.pts - zero,
        duration: sample.duration,
        sync: sample.sync,
    });
    let samples = samples.collect();
    let track = Track { samples: Vec::new(), matrix: UPRIGHT, ..track.clone() };
    Ok(Lead { track: OutTrack { track, begins: 0, samples }, zero })
}
