//! The GOP pre-roll: the least part of a video from which some of its frames can
//! be decoded, as a file of its own. An encoder that reads it decodes nothing else,
//! whatever the source's container is.

use clipmill_media::mux::{OutSample, OutTrack, SampleData};
use clipmill_media::{Track, UPRIGHT};

use super::job::SmartCutError;

/// Frames with what is decoded before them.
pub(super) struct GopPreroll {
    pub track: OutTrack,
    /// Time 0 of the file, ticks of the source.
    pub zero: i64,
}

/// The samples from the last keyframe before `frames` on, which are indexes in
/// the order of presentation.
pub(super) fn gop_preroll(track: &Track, frames: &[usize]) -> Result<GopPreroll, SmartCutError> {
    let none = || SmartCutError::unfit("there is no keyframe before it to decode from");
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
        data: SampleData::Copied { file: 0, offset: sample.offset, size: sample.size },
        pts: sample.pts - zero,
        duration: sample.duration,
        sync: sample.sync,
    });
    let samples = samples.collect();
    let track = Track { samples: Vec::new(), matrix: UPRIGHT, ..track.clone() };
    Ok(GopPreroll { track: OutTrack { track, start: 0, samples }, zero })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use clipmill_core::Timescale;
    use clipmill_media::{CodecId, Sample, TrackKind};

    use super::*;

    /// Samples in decoding order; those with `k` are keyframes.
    fn track(samples: &str) -> Track {
        let sample = |(place, word): (usize, &str)| Sample {
            offset: place as u64 * 100,
            size: 100,
            pts: word.trim_end_matches('k').parse().unwrap(),
            duration: 1,
            sync: word.ends_with('k'),
        };
        Track {
            codec: CodecId::H264,
            matrix: [-1; 9],
            samples: samples.split(' ').enumerate().map(sample).collect(),
            ..Track::empty(TrackKind::Video, Timescale::new(30).unwrap())
        }
    }

    fn preroll(samples: &str, frames: &[usize]) -> (i64, Vec<i64>) {
        let Ok(GopPreroll { track, zero }) = gop_preroll(&track(samples), frames) else {
            return (-1, vec![]);
        };
        assert_eq!(track.track.matrix, UPRIGHT);
        (zero, track.samples.iter().map(|sample| sample.pts).collect())
    }

    #[test]
    fn starts_with_the_keyframe_and_ends_with_the_last_frame() {
        let closed = "0k 3 1 2 4k 7 5 6 8k";
        assert_eq!(preroll(closed, &[2, 3]), (0, vec![0, 3, 1, 2]));
        assert_eq!(preroll(closed, &[6, 7]), (4, vec![0, 3, 1, 2]));
        assert_eq!(preroll(closed, &[4]), (4, vec![0]));
        // 3 and 4 are decoded after the keyframe 5, but need what is before it.
        let open = "0k 2 1 5k 3 4 7 6";
        assert_eq!(preroll(open, &[4, 5]), (0, vec![0, 2, 1, 5, 3, 4]));
        // What is shown before the first keyframe can't be decoded.
        assert_eq!(preroll(open, &[7]), (5, vec![0, 2, 1]));
        assert_eq!(preroll("0 1 2", &[1]), (-1, vec![]));
    }
}
