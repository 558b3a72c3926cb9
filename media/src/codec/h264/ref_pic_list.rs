//! Reference picture lists (8.2.4): what they are in the original stream, what
//! they would initially be in the rewritten one, and the modification that
//! makes the second equal to the first.

use std::cmp::Reverse;

use super::dpb::{DecodedPictureBuffer, ReferenceFrame};
use super::ref_pic_syntax::{RefPicListModification, SliceType};
use super::slice_header::SliceHeader;
use crate::MediaError;

/// The lists of the slices of one frame.
pub(super) struct RefPicLists<'a> {
    pub dpb: &'a DecodedPictureBuffer,
    /// The frame that the slices belong to.
    pub current: ReferenceFrame,
}

/// An entry of a list of the original stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RefPicListEntry {
    Frame(ReferenceFrame),
    /// A frame before the first one of the rewritten stream. No kept slice
    /// refers to it, which is what a recovery point promises.
    Unavailable,
    /// A frame that can't be determined from the first frame on.
    Unknown,
}

impl RefPicLists<'_> {
    /// The `ref_pic_list_modification` of list 0 or 1 that gives each frame the
    /// index that it has in the original stream; none where the initial list
    /// does.
    ///
    /// # Errors
    /// `Unsupported` when the original list can't be determined.
    pub fn modification(
        &self,
        slice: &SliceHeader,
        list: usize,
    ) -> Result<Option<Vec<RefPicListModification>>, MediaError> {
        let unknown =
            || MediaError::unsupported("H.264 whose reference picture lists can't be determined");
        let original = self.original(slice, list);
        if original.contains(&RefPicListEntry::Unknown) {
            return Err(unknown());
        }
        let initial = self.initial(slice.slice_type, list);
        let is_right = |(index, entry): (usize, &RefPicListEntry)| match (entry, initial.get(index))
        {
            (RefPicListEntry::Frame(frame), Some(initial)) if frame.kept => frame == initial,
            (_, initial) => initial.is_some(),
        };
        if original.iter().enumerate().all(is_right) {
            return Ok(None);
        }
        let mut operations = Vec::new();
        let mut pic_num_pred = self.current.rewritten_frame_num;
        for (index, entry) in original.iter().enumerate() {
            let frame = match entry {
                RefPicListEntry::Frame(frame) if frame.kept => *frame,
                // The slice doesn't refer to it, but the list must have an entry.
                _ => *initial.get(index).or(initial.first()).ok_or_else(unknown)?,
            };
            let frame_num = frame.rewritten_frame_num;
            let max_frame_num = self.dpb.max_frame_num;
            operations.push(RefPicListModification::between(
                pic_num_pred,
                frame_num,
                max_frame_num,
            ));
            pic_num_pred = frame_num;
        }
        Ok(Some(operations))
    }

    /// The active entries of a list of the original stream.
    fn original(&self, slice: &SliceHeader, list: usize) -> Vec<RefPicListEntry> {
        let count = slice.num_ref_idx_active.get(list).copied().unwrap_or_default() as usize;
        let mut entries = self.original_initial(slice.slice_type, list, count);
        let operations = slice.ref_pic_list_modifications.get(list);
        let operations = operations.and_then(Option::as_ref).map_or(&[][..], Vec::as_slice);
        let mut pic_num_pred = i64::from(self.current.original_frame_num);
        for (index, operation) in operations.iter().enumerate().take(count) {
            pic_num_pred = self.move_pic_num(pic_num_pred, operation);
            let entry = self.find_original(pic_num_pred);
            entries.insert(index, entry);
            // The frame leaves its later place (8-37).
            let mut place = 0;
            entries.retain(|other| {
                place += 1;
                place <= index + 1 || *other != entry || entry == RefPicListEntry::Unavailable
            });
        }
        entries.truncate(count);
        entries
    }

    /// The initial list of the original stream, with at least `count` entries.
    fn original_initial(
        &self,
        slice_type: SliceType,
        list: usize,
        count: usize,
    ) -> Vec<RefPicListEntry> {
        let (frames, filler) = if slice_type == SliceType::B {
            // Only the frames of one direction are known. The next entry is a
            // frame before the first one, or one of the other direction.
            (self.in_direction(list), RefPicListEntry::Unknown)
        } else {
            let mut frames = self.dpb.frames().to_vec();
            let max_frame_num = self.dpb.max_frame_num;
            frames
                .sort_by_key(|frame| Reverse(frame.original_pic_num(&self.current, max_frame_num)));
            (frames, RefPicListEntry::Unavailable)
        };
        let mut entries: Vec<RefPicListEntry> =
            frames.into_iter().map(RefPicListEntry::Frame).collect();
        entries.resize(entries.len().max(count), filler);
        entries
    }

    /// `picNumLXNoWrap` after an operation (8-34, 8-35).
    fn move_pic_num(&self, pic_num_pred: i64, operation: &RefPicListModification) -> i64 {
        let difference = i64::from(operation.abs_diff_pic_num_minus1) + 1;
        let subtract = operation.modification_of_pic_nums_idc == 0;
        let moved = pic_num_pred + if subtract { -difference } else { difference };
        moved.rem_euclid(i64::from(self.dpb.max_frame_num))
    }

    /// The frame of the original stream with a `picNumLXNoWrap` (8-36).
    fn find_original(&self, no_wrap: i64) -> RefPicListEntry {
        let max_frame_num = self.dpb.max_frame_num;
        let wraps = no_wrap > i64::from(self.current.original_frame_num);
        let pic_num = if wraps { no_wrap - i64::from(max_frame_num) } else { no_wrap };
        let mut frames = self.dpb.frames().iter();
        let found =
            frames.find(|frame| frame.original_pic_num(&self.current, max_frame_num) == pic_num);
        found.map_or(RefPicListEntry::Unavailable, |frame| RefPicListEntry::Frame(*frame))
    }

    /// The initial list of the rewritten stream (8.2.4.2.1, 8.2.4.2.3).
    fn initial(&self, slice_type: SliceType, list: usize) -> Vec<ReferenceFrame> {
        if slice_type != SliceType::B {
            let mut frames: Vec<ReferenceFrame> = self.dpb.kept().copied().collect();
            let max_frame_num = self.dpb.max_frame_num;
            frames.sort_by_key(|frame| {
                Reverse(frame.rewritten_pic_num(&self.current, max_frame_num))
            });
            return frames;
        }
        let both = |list| [self.in_direction(list), self.in_direction(1 - list)].concat();
        let mut frames = both(list);
        if list == 1 && frames.len() > 1 && frames == both(0) {
            frames.swap(0, 1);
        }
        frames
    }

    /// The kept frames that are output before the current one (list 0) or after
    /// it (list 1), the nearest first.
    fn in_direction(&self, list: usize) -> Vec<ReferenceFrame> {
        let current = self.current.pic_order_cnt;
        let is_before = |frame: &ReferenceFrame| frame.pic_order_cnt < current;
        let frames = self.dpb.kept().filter(|frame| is_before(frame) == (list == 0));
        let mut frames: Vec<ReferenceFrame> = frames.copied().collect();
        frames.sort_by_key(|frame| (frame.pic_order_cnt - current).abs());
        frames
    }
}

impl RefPicListModification {
    /// The operation that leads from one `picNumLXNoWrap` to another, by the
    /// smaller difference (8-34, 8-35).
    fn between(pic_num_pred: u32, pic_num: u32, max_frame_num: u32) -> RefPicListModification {
        let back = (pic_num_pred + max_frame_num - pic_num) % max_frame_num;
        let ahead = max_frame_num - back;
        let (modification_of_pic_nums_idc, difference) = match back {
            // The same number again is once around.
            0 => (0, max_frame_num),
            _ if back <= ahead => (0, back),
            _ => (1, ahead),
        };
        let abs_diff_pic_num_minus1 = difference - 1;
        RefPicListModification { modification_of_pic_nums_idc, abs_diff_pic_num_minus1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_leads_to_its_number() {
        let dpb = DecodedPictureBuffer::new(16, 4);
        let current = ReferenceFrame {
            original_frame_num: 0,
            rewritten_frame_num: 0,
            pic_order_cnt: 0,
            kept: true,
        };
        let lists = RefPicLists { dpb: &dpb, current };
        for (from, to) in (0..16).flat_map(|from| (0..16).map(move |to| (from, to))) {
            let operation = RefPicListModification::between(from, to, 16);
            assert!(operation.abs_diff_pic_num_minus1 < 16);
            assert_eq!(lists.move_pic_num(i64::from(from), &operation), i64::from(to));
        }
    }
}
