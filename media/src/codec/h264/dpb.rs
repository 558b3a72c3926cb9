//! The decoded picture buffer (DPB), as far as it holds reference frames, and
//! which of them are marked "unused for reference" (8.2.5).

use super::ref_pic_syntax::RefPicMarking;
use crate::MediaError;

/// A frame that is used for short-term reference, with its numbers in the
/// original stream and in the rewritten one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReferenceFrame {
    /// `frame_num` in the original stream.
    pub original_frame_num: u32,
    /// `frame_num` in the rewritten stream.
    pub rewritten_frame_num: u32,
    /// `PicOrderCnt`, relative to the first frame; different for each frame.
    pub pic_order_cnt: i64,
    /// Whether the frame is part of the rewritten stream.
    pub kept: bool,
}

impl ReferenceFrame {
    /// `PicNum` in the original stream while `current` is decoded.
    pub fn original_pic_num(&self, current: &ReferenceFrame, max_frame_num: u32) -> i64 {
        pic_num(self.original_frame_num, current.original_frame_num, max_frame_num)
    }

    /// `PicNum` in the rewritten stream while `current` is decoded.
    pub fn rewritten_pic_num(&self, current: &ReferenceFrame, max_frame_num: u32) -> i64 {
        pic_num(self.rewritten_frame_num, current.rewritten_frame_num, max_frame_num)
    }
}

/// `PicNum` of a short-term reference frame (8.2.4.1: 8-27, 8-28).
fn pic_num(frame_num: u32, current_frame_num: u32, max_frame_num: u32) -> i64 {
    let wrapped = frame_num > current_frame_num;
    i64::from(frame_num) - if wrapped { i64::from(max_frame_num) } else { 0 }
}

/// The reference frames while one frame is decoded.
#[derive(Debug, Clone)]
pub(super) struct DecodedPictureBuffer {
    pub max_frame_num: u32,
    /// `Max(max_num_ref_frames, 1)`.
    max_num_ref_frames: usize,
    /// In decoding order, from the first frame of the rewritten stream on.
    frames: Vec<ReferenceFrame>,
}

impl DecodedPictureBuffer {
    pub fn new(max_frame_num: u32, max_num_ref_frames: u32) -> DecodedPictureBuffer {
        let max_num_ref_frames = max_num_ref_frames.max(1) as usize;
        DecodedPictureBuffer { max_frame_num, max_num_ref_frames, frames: Vec::new() }
    }

    /// The reference frames of the original stream.
    pub fn frames(&self) -> &[ReferenceFrame] {
        &self.frames
    }

    /// The reference frames of the rewritten stream.
    pub fn kept(&self) -> impl Iterator<Item = &ReferenceFrame> {
        self.frames.iter().filter(|frame| frame.kept)
    }

    /// Marks frames unused for reference after `current`, as the original stream
    /// does, and adds `current`. Returns the marking with which the rewritten
    /// stream does the same.
    ///
    /// # Errors
    /// `Unsupported` when the original stream keeps more than
    /// `max_num_ref_frames`.
    pub fn mark_and_add(
        &mut self,
        marking: &RefPicMarking,
        current: ReferenceFrame,
    ) -> Result<RefPicMarking, MediaError> {
        let before: Vec<ReferenceFrame> = self.kept().copied().collect();
        self.mark(marking, &current)?;
        let removed: Vec<ReferenceFrame> =
            before.iter().filter(|frame| !self.frames.contains(frame)).copied().collect();
        self.frames.push(current);

        let max_frame_num = self.max_frame_num;
        let pic_num = |frame: &ReferenceFrame| frame.rewritten_pic_num(&current, max_frame_num);
        if removed.iter().eq(self.sliding_window(&before, pic_num).iter()) {
            return Ok(RefPicMarking::SlidingWindow);
        }
        // picNumX = CurrPicNum - (difference_of_pic_nums_minus1 + 1) (8-39), and a
        // PicNum is always less than CurrPicNum.
        let difference =
            |frame| (i64::from(current.rewritten_frame_num) - pic_num(frame) - 1).max(0) as u32;
        Ok(RefPicMarking::Adaptive(removed.iter().map(difference).collect()))
    }

    fn mark(
        &mut self,
        marking: &RefPicMarking,
        current: &ReferenceFrame,
    ) -> Result<(), MediaError> {
        let max_frame_num = self.max_frame_num;
        let pic_num = |frame: &ReferenceFrame| frame.original_pic_num(current, max_frame_num);
        match marking {
            RefPicMarking::SlidingWindow => {
                let removed = self.sliding_window(&self.frames, pic_num);
                self.frames.retain(|frame| Some(*frame) != removed);
            }
            RefPicMarking::Adaptive(differences) => {
                for difference in differences {
                    let pic_num_x =
                        i64::from(current.original_frame_num) - (i64::from(*difference) + 1);
                    self.frames.retain(|frame| pic_num(frame) != pic_num_x);
                }
                if self.frames.len() >= self.max_num_ref_frames {
                    return Err(MediaError::unsupported(
                        "H.264 with more reference frames than max_num_ref_frames",
                    ));
                }
            }
        }
        Ok(())
    }

    /// The frame that sliding window marking removes from `frames` (8.2.5.3): the
    /// one with the smallest `PicNum` when the buffer is full.
    fn sliding_window(
        &self,
        frames: &[ReferenceFrame],
        pic_num: impl Fn(&ReferenceFrame) -> i64,
    ) -> Option<ReferenceFrame> {
        let full = frames.len() >= self.max_num_ref_frames;
        frames.iter().filter(|_| full).min_by_key(|frame| pic_num(frame)).copied()
    }
}
