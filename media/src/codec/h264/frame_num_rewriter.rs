//! New slice headers for the frames behind an intra frame that becomes an IDR
//! picture.
//!
//! An IDR picture resets `frame_num` to 0 (7.4.3) and marks all reference
//! pictures unused (8.2.5.1). All later frames get other values of `frame_num`
//! and picture order count. Where an initial reference picture list would hold
//! other frames than in the original stream, the slice gets a
//! `ref_pic_list_modification`; where sliding window marking would remove another
//! frame, it gets `memory_management_control_operation`s.
//!
//! The lists of the original stream are known as far as they hold frames behind
//! the intra frame. What else they hold, no slice refers to that is output after
//! the intra frame: that is what its recovery point says.

use super::dpb::{DecodedPictureBuffer, ReferenceFrame};
use super::pic_order_cnt::{FrameNums, PicOrderCnts};
use super::ref_pic_list::RefPicLists;
use super::ref_pic_syntax::{RefPicMarking, SliceType};
use super::slice_header::{SliceHeader, SliceHeaderChanges};
use super::sps::H264Sps;
use crate::MediaError;

/// Computes the slice headers of a stream that starts with an intra frame.
#[derive(Debug, Clone)]
pub struct FrameNumRewriter {
    dpb: DecodedPictureBuffer,
    pic_order_cnts: PicOrderCnts,
    /// `PrevRefFrameNum` of the original stream; none before the intra frame.
    prev_ref_frame_num: Option<u32>,
    /// Reference frames of the rewritten stream so far.
    kept_reference_frames: u32,
}

impl FrameNumRewriter {
    /// For a stream with this sequence parameter set.
    ///
    /// # Errors
    /// `Unsupported` when `frame_num` may have gaps, or colour planes are
    /// separate.
    pub fn new(sps: &H264Sps) -> Result<FrameNumRewriter, MediaError> {
        if sps.frame_num_gaps_allowed || sps.separate_colour_planes {
            return Err(MediaError::unsupported(
                "H.264 with gaps in frame_num or separate colour planes",
            ));
        }
        Ok(FrameNumRewriter {
            dpb: DecodedPictureBuffer::new(1 << sps.frame_num_bits, sps.max_num_ref_frames),
            pic_order_cnts: PicOrderCnts::new(sps.pic_order_cnt_type),
            prev_ref_frame_num: None,
            kept_reference_frames: 0,
        })
    }

    /// Takes the slices of the next frame in decoding order, the intra frame
    /// first. Returns the changes to each of their headers, or nothing when the
    /// rewritten stream leaves the frame out (`kept` is false).
    ///
    /// # Errors
    /// `Unsupported` when the changes can't be determined; `Damaged` when there
    /// are no slices.
    pub fn rewrite_frame(
        &mut self,
        slices: &[SliceHeader],
        kept: bool,
    ) -> Result<Vec<SliceHeaderChanges>, MediaError> {
        let first = slices.first().ok_or_else(|| MediaError::damaged("a frame without slices"))?;
        if !slices.iter().all(|slice| slice.is_of_same_frame(first)) {
            return Err(MediaError::unsupported("several H.264 frames in one sample"));
        }
        let idr = self.prev_ref_frame_num.is_none();
        self.check_frame_num(first, slices)?;
        if idr {
            self.pic_order_cnts.start(first);
        }
        let current = self.current_frame(first, kept)?;
        let mut changes = Vec::new();
        if kept {
            let slices = slices.iter().map(|slice| self.slice_changes(slice, current, idr));
            changes = slices.collect::<Result<_, MediaError>>()?;
        }
        if first.is_reference {
            let marking = self.dpb.mark_and_add(&first.ref_pic_marking, current)?;
            changes.iter_mut().for_each(|slice| slice.ref_pic_marking.clone_from(&marking));
            self.prev_ref_frame_num = Some(first.frame_num);
            self.kept_reference_frames += u32::from(kept);
        }
        Ok(changes)
    }

    /// Checks that no frame is missing, and that the first one is an intra frame
    /// that others may refer to.
    fn check_frame_num(
        &self,
        frame: &SliceHeader,
        slices: &[SliceHeader],
    ) -> Result<(), MediaError> {
        let Some(previous) = self.prev_ref_frame_num else {
            let intra = slices.iter().all(|slice| slice.slice_type == SliceType::I);
            if intra && frame.is_reference {
                return Ok(());
            }
            return Err(MediaError::unsupported("an H.264 keyframe that refers to other frames"));
        };
        if frame.frame_num == (previous + 1) % self.dpb.max_frame_num {
            Ok(())
        } else {
            Err(MediaError::unsupported("an H.264 frame is missing"))
        }
    }

    fn current_frame(
        &mut self,
        first: &SliceHeader,
        kept: bool,
    ) -> Result<ReferenceFrame, MediaError> {
        let max = self.dpb.max_frame_num;
        let rewritten = self.kept_reference_frames % max;
        let frame_nums = FrameNums { original: first.frame_num, rewritten, max };
        Ok(ReferenceFrame {
            original_frame_num: first.frame_num,
            rewritten_frame_num: rewritten,
            pic_order_cnt: self.pic_order_cnts.next(first, frame_nums, kept)?,
            kept,
        })
    }

    /// The changes to one slice, but for its marking.
    fn slice_changes(
        &self,
        slice: &SliceHeader,
        current: ReferenceFrame,
        idr: bool,
    ) -> Result<SliceHeaderChanges, MediaError> {
        let lists = RefPicLists { dpb: &self.dpb, current };
        let mut modifications = [None, None];
        for list in 0..slice.slice_type.list_count() {
            if let Some(modification) = modifications.get_mut(list) {
                *modification = lists.modification(slice, list)?;
            }
        }
        Ok(SliceHeaderChanges {
            idr,
            frame_num: current.rewritten_frame_num,
            pic_order_cnt_lsb: self.pic_order_cnts.rewritten_lsb(current.pic_order_cnt, slice),
            ref_pic_list_modifications: modifications,
            ref_pic_marking: RefPicMarking::SlidingWindow,
        })
    }
}
