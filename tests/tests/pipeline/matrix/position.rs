//! Where a cut begins and ends, against the keyframes of its source.

use clipmill_tests::media::Clip;

/// A place for a cut. Keyframes are at the multiples of the clip's `gop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The first frame is a keyframe, at its very time.
    OnKey,
    /// The first frame is the one before a keyframe.
    BeforeKey,
    /// The first frame is the one after a keyframe.
    AfterKey,
    /// Begins and ends after the last keyframe.
    LastGop,
    /// Everything.
    Whole,
    /// One frame.
    OneFrame,
    /// From the middle to a time long after the end.
    PastEnd,
    /// Some frames between two keyframes.
    InsideGop,
}

use Position::{AfterKey, BeforeKey, InsideGop, LastGop, OnKey, OneFrame, PastEnd, Whole};

pub const ALL: &[Position] =
    &[OnKey, BeforeKey, AfterKey, LastGop, Whole, OneFrame, PastEnd, InsideGop];

impl Position {
    /// First frame, and first one after the last.
    fn frames(self, clip: &Clip) -> (u32, u32) {
        let (key, all) = (2 * clip.gop, clip.frames);
        // To a frame after the next keyframe, and not far behind it: there the end needs an anchor
        // that is out.
        let long = clip.gop + 21;
        match self {
            OnKey => (key, key + long),
            BeforeKey => (key - 1, key + long),
            AfterKey => (key + 1, key + long),
            LastGop => (all - clip.gop + 5, all - 8),
            Whole => (0, all),
            OneFrame => (key + 15, key + 16),
            PastEnd => (all - clip.gop - 10, all),
            InsideGop => (key + 5, key + 20),
        }
    }

    /// From when to when, in seconds.
    pub fn span(self, clip: &Clip) -> (f64, f64) {
        let (first, last) = self.frames(clip);
        // Between two frames, where no rounding matters, and so near to the later one that a file
        // whose sound begins with 1,024 samples of its encoder's own gives the same frames.
        let before = |frame: u32| clip.rate.time_of(frame) - 0.15 * clip.rate.time_of(1);
        match self {
            OnKey | OneFrame => (clip.rate.time_of(first), before(last)),
            Whole => (0.0, clip.seconds()),
            PastEnd => (before(first), clip.seconds() + 5.0),
            _ => (before(first), before(last)),
        }
    }

    /// The least part of all frames that can be copies: those from the first keyframe on, but for
    /// the last `reordered` ones.
    pub fn copies(self, clip: &Clip, reordered: u32) -> f64 {
        let (first, last) = self.frames(clip);
        let key = first.next_multiple_of(clip.gop);
        // Nothing follows the end of the file that an encoder would have to stand in for.
        let tail = if last == clip.frames { 0 } else { reordered };
        f64::from(last.saturating_sub(key).saturating_sub(tail)) / f64::from(last - first)
    }
}
