//! Picture order counts (8.2.1), in the original stream and in the rewritten
//! one. `PicOrderCnt` gives the output order of pictures; B slices sort their
//! reference picture lists by it.
//!
//! The rewritten stream starts with an IDR picture, whose `PicOrderCnt` is 0. The
//! counts of all pictures move by the same difference, so that output order and
//! lists stay the same.

use super::slice_header::SliceHeader;
use super::sps::PicOrderCntType;
use crate::MediaError;

/// `frame_num` of one picture in both streams.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameNums {
    pub original: u32,
    pub rewritten: u32,
    /// `MaxFrameNum`.
    pub max: u32,
}

/// Derives `PicOrderCnt` of the pictures of both streams in decoding order.
#[derive(Debug, Clone)]
pub(super) struct PicOrderCnts {
    pic_order_cnt_type: PicOrderCntType,
    original: PocState,
    rewritten: PocState,
    /// `PicOrderCnt` of the first picture in the original stream.
    origin: i64,
}

/// What is carried from picture to picture (8.2.1.1). With
/// `pic_order_cnt_type` 2 it is `FrameNumOffset` and `prevFrameNum` (8.2.1.3).
#[derive(Debug, Clone, Copy, Default)]
struct PocState {
    /// `prevPicOrderCntMsb`.
    msb: i64,
    /// `prevPicOrderCntLsb`.
    lsb: i64,
}

impl PicOrderCnts {
    pub fn new(pic_order_cnt_type: PicOrderCntType) -> PicOrderCnts {
        let state = PocState::default();
        PicOrderCnts { pic_order_cnt_type, original: state, rewritten: state, origin: 0 }
    }

    /// Starts with the picture that becomes the IDR picture.
    pub fn start(&mut self, first: &SliceHeader) {
        match self.pic_order_cnt_type {
            PicOrderCntType::Lsb { .. } => {
                let lsb = i64::from(first.pic_order_cnt_lsb);
                self.original = PocState { msb: 0, lsb };
                // Of both fields of an IDR picture the earlier one has count 0.
                self.origin = lsb + bottom_field_lead(first);
            }
            PicOrderCntType::DecodingOrder => {
                let frame_num = i64::from(first.frame_num);
                self.original = PocState { msb: 0, lsb: frame_num };
                self.origin = frame_num * 2;
            }
            PicOrderCntType::Cycle => {}
        }
    }

    /// `PicOrderCnt` of the next picture, relative to the first one. `kept` says
    /// whether the picture is part of the rewritten stream.
    ///
    /// # Errors
    /// `Unsupported` when it would be another one in the rewritten stream.
    pub fn next(
        &mut self,
        picture: &SliceHeader,
        frame_nums: FrameNums,
        kept: bool,
    ) -> Result<i64, MediaError> {
        match self.pic_order_cnt_type {
            PicOrderCntType::Lsb { bits } => self.next_by_lsb(picture, bits, kept),
            PicOrderCntType::DecodingOrder => self.next_by_frame_num(picture, frame_nums, kept),
            PicOrderCntType::Cycle => Err(would_change()),
        }
    }

    fn next_by_lsb(
        &mut self,
        picture: &SliceHeader,
        bits: u32,
        kept: bool,
    ) -> Result<i64, MediaError> {
        let top = self.original.count_from_lsb(i64::from(picture.pic_order_cnt_lsb), bits);
        if picture.is_reference {
            self.original.remember(top, bits);
        }
        let relative = top - self.origin;
        if kept {
            let rewritten = self.rewritten.count_from_lsb(relative.rem_euclid(1 << bits), bits);
            if rewritten != relative {
                return Err(would_change());
            }
            if picture.is_reference {
                self.rewritten.remember(rewritten, bits);
            }
        }
        Ok(relative + bottom_field_lead(picture))
    }

    fn next_by_frame_num(
        &mut self,
        picture: &SliceHeader,
        frame_nums: FrameNums,
        kept: bool,
    ) -> Result<i64, MediaError> {
        let FrameNums { original, rewritten, max } = frame_nums;
        let original = self.original.count_from_frame_num(original, max, picture.is_reference);
        let rewritten = self.rewritten.count_from_frame_num(rewritten, max, picture.is_reference);
        if kept && rewritten == original - self.origin {
            Ok(rewritten)
        } else {
            Err(would_change())
        }
    }

    /// `pic_order_cnt_lsb` in the rewritten stream of a picture with this
    /// relative `PicOrderCnt`; 0 where there is none.
    pub fn rewritten_lsb(&self, pic_order_cnt: i64, picture: &SliceHeader) -> u32 {
        match self.pic_order_cnt_type {
            // At most 16 bits.
            PicOrderCntType::Lsb { bits } => {
                (pic_order_cnt - bottom_field_lead(picture)).rem_euclid(1 << bits) as u32
            }
            _ => 0,
        }
    }
}

/// By how much the bottom field is output before the top field, as a negative
/// difference: `PicOrderCnt` of a frame is that of its earlier field (8-1).
fn bottom_field_lead(picture: &SliceHeader) -> i64 {
    i64::from(picture.delta_pic_order_cnt_bottom.min(0))
}

fn would_change() -> MediaError {
    MediaError::unsupported("H.264 whose output order would change")
}

impl PocState {
    /// `TopFieldOrderCnt` with `pic_order_cnt_type` 0 (8-3, 8-4).
    fn count_from_lsb(self, lsb: i64, bits: u32) -> i64 {
        let max_lsb = 1_i64 << bits;
        let msb = if lsb < self.lsb && self.lsb - lsb >= max_lsb / 2 {
            self.msb + max_lsb
        } else if lsb > self.lsb && lsb - self.lsb > max_lsb / 2 {
            self.msb - max_lsb
        } else {
            self.msb
        };
        msb + lsb
    }

    /// Carries the count of a reference picture on to the next picture.
    fn remember(&mut self, top_field_order_cnt: i64, bits: u32) {
        self.lsb = top_field_order_cnt.rem_euclid(1 << bits);
        self.msb = top_field_order_cnt - self.lsb;
    }

    /// `TopFieldOrderCnt` with `pic_order_cnt_type` 2 (8-11, 8-12, 8-13).
    fn count_from_frame_num(
        &mut self,
        frame_num: u32,
        max_frame_num: u32,
        is_reference: bool,
    ) -> i64 {
        let frame_num = i64::from(frame_num);
        if self.lsb > frame_num {
            self.msb += i64::from(max_frame_num);
        }
        self.lsb = frame_num;
        2 * (self.msb + frame_num) - i64::from(!is_reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_significant_bits_wrap_around_both_ways() {
        let mut state = PocState { msb: 32, lsb: 14 };
        assert_eq!(state.count_from_lsb(15, 4), 47);
        assert_eq!(state.count_from_lsb(6, 4), 32 + 16 + 6, "8 less: the next period");
        assert_eq!(state.count_from_lsb(7, 4), 32 + 7, "7 less: the same period");
        state.remember(50, 4);
        assert_eq!((state.msb, state.lsb), (48, 2));
        assert_eq!(state.count_from_lsb(11, 4), 32 + 11, "9 more: the period before");
        assert_eq!(state.count_from_lsb(10, 4), 48 + 10, "8 more: the same period");
    }

    #[test]
    fn frame_numbers_count_two_for_each_reference_frame() {
        let mut state = PocState::default();
        let mut count =
            |frame_num, is_reference| state.count_from_frame_num(frame_num, 16, is_reference);
        assert_eq!([count(0, true), count(1, false), count(1, true)], [0, 1, 2]);
        assert_eq!([count(15, true), count(0, true), count(1, false)], [30, 32, 33]);
    }
}
