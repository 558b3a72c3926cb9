//! Which frames a stream's slices refer to (8.2.4 and 8.2.5), when decoding
//! begins with an intra frame that is made an IDR picture.
//!
//! An IDR picture has number 0 and forgets what was before it. So all frames
//! behind it get other numbers, and a slice whose lists would begin with other
//! frames than they did says which ones it means. Lists of the original are
//! known as far as they hold frames behind the intra frame; what they hold
//! besides, nothing refers to that is shown after it: that is what it means
//! that decoding can begin there.

use super::slice::{ErrorKind, Pick, Renamed};
use super::{Order, Slice, Sps};
use crate::Error;

/// Numbers for the frames behind an intra frame.
#[derive(Debug, Clone)]
pub struct Renumbering {
    /// `MaxFrameNum`.
    modulus: u32,
    order: Order,
    /// Frames that can be referred to at a time.
    room: usize,
    /// Those that can be now, in the order of decoding.
    frames: Vec<Frame>,
    /// `PrevRefFrameNum` of the original; none before the first frame.
    previous: Option<u32>,
    /// Frames so far that are referred to and kept.
    count: u32,
    old_clock: Clock,
    new_clock: Clock,
    /// Place of the intra frame in the original's order of presentation.
    zero: i64,
}

/// A frame that may be referred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    /// Its `frame_num`.
    old: u32,
    new: u32,
    /// When it is shown, counted from the intra frame; different for each.
    order: i64,
    /// Whether it is part of the new stream.
    kept: bool,
}

/// A place of one of the original's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Frame(Frame),
    /// A frame of before the intra frame.
    Foreign,
    /// A frame that can't be told from here.
    Unclear,
}

/// What the order of presentation is reckoned from (8.2.1.1, 8.2.1.3).
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    /// `prevPicOrderCntMsb`, or `FrameNumOffset`.
    high: i64,
    /// `prevPicOrderCntLsb`, or `prevFrameNum`.
    low: i64,
}

impl Renumbering {
    /// For a stream with this sequence parameter set.
    ///
    /// # Errors
    /// `Unsupported` when frames may be left out, or colours are apart.
    pub fn new(sps: &Sps) -> Result<Renumbering, Error> {
        if sps.gaps || sps.planes {
            return Err(Error::unsupported("H.264 whose frames may have gaps"));
        }
        Ok(Renumbering {
            modulus: 1 << sps.number_bits,
            order: sps.order,
            room: sps.references.max(1) as usize,
            frames: Vec::new(),
            previous: None,
            count: 0,
            old_clock: Clock::default(),
            new_clock: Clock::default(),
            zero: 0,
        })
    }

    /// Takes the next frame in the order of decoding, the intra frame first;
    /// answers what each of its slices is to say, or nothing when it isn't
    /// `kept`.
    ///
    /// # Errors
    /// `Unsupported` when that can't be told; `Damaged` when the slices are not
    /// of one frame.
    pub fn frame(&mut self, slices: &[Slice], kept: bool) -> Result<Vec<Renamed>, Error> {
        let first = slices.first().ok_or_else(|| Error::damaged("a frame without slices"))?;
        if !slices.iter().all(|slice| slice.is_of_one_frame_with(first)) {
            return Err(Error::unsupported("several frames of H.264 in one sample"));
        }
        let begins = self.previous.is_none();
        self.follows(first, slices)?;
        let order = self.ordered(first, begins, kept)?;
        let new = self.count % self.modulus;
        let frame = Frame { old: first.number, new, order, kept };
        let mut renamed = Vec::new();
        if kept {
            for slice in slices {
                let mut picks = [None, None];
                for (list, picks) in picks.iter_mut().enumerate().take(slice.kind.lists()) {
                    *picks = self.picks(slice, list, frame)?;
                }
                let lsb = self.lsb(order, first.bottom);
                let number = new;
                renamed.push(Renamed { idr: begins, number, lsb, picks, unmarked: None });
            }
        }
        if first.reference {
            let unmarked = self.mark(first, frame)?;
            renamed.iter_mut().for_each(|renamed| renamed.unmarked.clone_from(&unmarked));
            self.frames.push(frame);
            self.previous = Some(first.number);
            self.count += u32::from(kept);
        }
        Ok(renamed)
    }

    /// Makes sure that no frame is missing, and that the first one is fit.
    fn follows(&self, frame: &Slice, slices: &[Slice]) -> Result<(), Error> {
        match self.previous {
            Some(previous) => {
                let next = (previous + 1) % self.modulus;
                if frame.number != next {
                    return Err(Error::unsupported("a frame of H.264 is missing"));
                }
            }
            None => {
                let fit = slices.iter().all(|slice| slice.kind == ErrorKind::I) && frame.reference;
                if !fit {
                    return Err(Error::unsupported("a keyframe of H.264 that refers to others"));
                }
            }
        }
        Ok(())
    }

    /// When a frame is shown, counted from the intra frame; both streams must
    /// tell the same.
    fn ordered(&mut self, frame: &Slice, begins: bool, kept: bool) -> Result<i64, Error> {
        let changes = || Error::unsupported("H.264 whose order would be another");
        match self.order {
            Order::Lsb { bits } => {
                if begins {
                    self.old_clock = Clock { high: 0, low: i64::from(frame.lsb) };
                    // Of an IDR picture the earlier field is at 0 (8.2.1).
                    self.zero = i64::from(frame.lsb) + i64::from(frame.bottom.min(0));
                }
                let top = self.old_clock.by_lsb(i64::from(frame.lsb), bits);
                if frame.reference {
                    self.old_clock.remember(top, bits);
                }
                let order = top - self.zero;
                if kept {
                    let told = self.new_clock.by_lsb(order.rem_euclid(1 << bits), bits);
                    if told != order {
                        return Err(changes());
                    }
                    if frame.reference {
                        self.new_clock.remember(told, bits);
                    }
                }
                Ok(order + i64::from(frame.bottom.min(0)))
            }
            Order::Decoding => {
                if begins {
                    self.zero = i64::from(frame.number) * 2;
                    self.old_clock = Clock { high: 0, low: i64::from(frame.number) };
                }
                let modulus = i64::from(self.modulus);
                let order =
                    self.old_clock.by_number(i64::from(frame.number), modulus, frame.reference);
                let new = i64::from(self.count % self.modulus);
                let told = self.new_clock.by_number(new, modulus, frame.reference);
                match kept && told == order - self.zero {
                    true => Ok(told),
                    false => Err(changes()),
                }
            }
            Order::Cycle => Err(changes()),
        }
    }

    /// `pic_order_cnt_lsb` of a frame; 0 where there is none.
    fn lsb(&self, order: i64, bottom: i32) -> u32 {
        match self.order {
            // Not more than 16 bits.
            Order::Lsb { bits } => (order - i64::from(bottom.min(0))).rem_euclid(1 << bits) as u32,
            _ => 0,
        }
    }

    /// How a list is put in order, so that each frame has the place that it had.
    fn picks(&self, slice: &Slice, list: usize, of: Frame) -> Result<Option<Vec<Pick>>, Error> {
        let unclear = || Error::unsupported("H.264 whose references can't be told");
        let count = slice.active.get(list).copied().unwrap_or_default() as usize;
        let old = self.old_list(slice, list, of, count)?;
        let usual = self.new_list(slice.kind, list, of);
        if old.contains(&Place::Unclear) {
            return Err(unclear());
        }
        let right = |(place, old): (usize, &Place)| match (old, usual.get(place)) {
            (Place::Frame(old), Some(new)) if old.kept => old == new,
            (_, new) => new.is_some(),
        };
        if old.iter().enumerate().all(right) {
            return Ok(None);
        }
        let mut picks = Vec::new();
        let mut at = of.new;
        for (place, old) in old.iter().enumerate() {
            let frame = match old {
                Place::Frame(frame) if frame.kept => *frame,
                // Nothing refers to it, but there must be one.
                _ => *usual.get(place).or(usual.first()).ok_or_else(unclear)?,
            };
            picks.push(pick(at, frame.new, self.modulus));
            at = frame.new;
        }
        Ok(Some(picks))
    }

    /// The first places of a list of the original.
    fn old_list(
        &self,
        slice: &Slice,
        list: usize,
        of: Frame,
        count: usize,
    ) -> Result<Vec<Place>, Error> {
        let number = |frame: &Frame| frame.number(frame.old, of.old, self.modulus);
        let (mut frames, filler) = match slice.kind {
            ErrorKind::B => {
                // One side of the frame is known to its end; what comes then may
                // be of before the intra frame, or of the other side.
                let frames = side(self.frames.iter().filter(|frame| frame.kept), of, list);
                (frames.into_iter().map(Place::Frame).collect::<Vec<_>>(), Place::Unclear)
            }
            _ => {
                let mut frames = self.frames.clone();
                frames.sort_by_key(|frame| std::cmp::Reverse(number(frame)));
                (frames.into_iter().map(Place::Frame).collect(), Place::Foreign)
            }
        };
        frames.resize(frames.len().max(count), filler);
        let mut at = i64::from(of.old);
        let picks = slice.picks.get(list).cloned().flatten().unwrap_or_default();
        for (place, (operation, difference)) in picks.into_iter().enumerate().take(count) {
            let difference = i64::from(difference) + 1;
            at += if operation == 0 { -difference } else { difference };
            at = at.rem_euclid(i64::from(self.modulus));
            let wanted = if at > i64::from(of.old) { at - i64::from(self.modulus) } else { at };
            let found = self.frames.iter().find(|frame| number(frame) == wanted);
            let picked = found.map_or(Place::Foreign, |frame| Place::Frame(*frame));
            frames.insert(place, picked);
            // Each frame is behind its new place no more.
            let mut index = 0;
            frames.retain(|other| {
                index += 1;
                index <= place + 1 || *other != picked || picked == Place::Foreign
            });
        }
        frames.truncate(count);
        Ok(frames)
    }

    /// A list of the new stream, as it is when a slice says nothing.
    fn new_list(&self, kind: ErrorKind, list: usize, of: Frame) -> Vec<Frame> {
        let kept = || self.frames.iter().filter(|frame| frame.kept);
        if kind != ErrorKind::B {
            let mut frames: Vec<Frame> = kept().copied().collect();
            let number = |frame: &Frame| frame.number(frame.new, of.new, self.modulus);
            frames.sort_by_key(|frame| std::cmp::Reverse(number(frame)));
            return frames;
        }
        let whole = |list| [side(kept(), of, list), side(kept(), of, 1 - list)].concat();
        let mut frames = whole(list);
        if list == 1 && frames.len() > 1 && frames == whole(0) {
            frames.swap(0, 1);
        }
        frames
    }

    /// Which frames are no longer referred to from a frame on that is; answers
    /// what the new stream has to say for the same.
    fn mark(&mut self, slice: &Slice, of: Frame) -> Result<Option<Vec<u32>>, Error> {
        let (room, modulus) = (self.room, self.modulus);
        let full = |frames: &[Frame]| frames.len() >= room;
        let kept: Vec<Frame> = self.frames.iter().filter(|frame| frame.kept).copied().collect();
        let oldest = |frames: &[Frame], number: &dyn Fn(&Frame) -> i64| {
            frames.iter().copied().min_by_key(|frame| number(frame))
        };
        let old_number = |frame: &Frame| frame.number(frame.old, of.old, modulus);
        let new_number = |frame: &Frame| frame.number(frame.new, of.new, modulus);
        match &slice.unmarked {
            None if full(&self.frames) => {
                let gone = oldest(&self.frames, &old_number);
                self.frames.retain(|frame| Some(*frame) != gone);
            }
            None => {}
            Some(unmarked) => {
                for difference in unmarked {
                    let wanted = i64::from(of.old) - (i64::from(*difference) + 1);
                    self.frames.retain(|frame| old_number(frame) != wanted);
                }
                if full(&self.frames) {
                    return Err(Error::unsupported("H.264 that refers to more than it may"));
                }
            }
        }
        let gone: Vec<Frame> =
            kept.iter().filter(|frame| !self.frames.contains(frame)).copied().collect();
        let usual = if full(&kept) { oldest(&kept, &new_number) } else { None };
        if gone.iter().eq(usual.iter()) {
            return Ok(None);
        }
        // A number is never more than that of the frame, and not the same.
        let difference = |frame| (i64::from(of.new) - new_number(frame) - 1).max(0) as u32;
        Ok(Some(gone.iter().map(difference).collect()))
    }
}

impl Frame {
    /// `PicNum` of a frame as seen from one with number `of` (8.2.4.1).
    fn number(&self, own: u32, of: u32, modulus: u32) -> i64 {
        i64::from(own) - if own > of { i64::from(modulus) } else { 0 }
    }
}

impl Clock {
    /// Place in the order of presentation by its lowest bits (8-3).
    fn by_lsb(self, lsb: i64, bits: u32) -> i64 {
        let modulus = 1_i64 << bits;
        let high = if lsb < self.low && self.low - lsb >= modulus / 2 {
            self.high + modulus
        } else if lsb > self.low && lsb - self.low > modulus / 2 {
            self.high - modulus
        } else {
            self.high
        };
        high + lsb
    }

    fn remember(&mut self, place: i64, bits: u32) {
        self.low = place.rem_euclid(1 << bits);
        self.high = place - self.low;
    }

    /// Place in the order of presentation by the number of the frame (8-11).
    fn by_number(&mut self, number: i64, modulus: i64, reference: bool) -> i64 {
        if self.low > number {
            self.high += modulus;
        }
        self.low = number;
        2 * (self.high + number) - i64::from(!reference)
    }
}

/// Frames that are shown before a frame (list 0) or after it (list 1), the
/// nearest first.
fn side<'a>(frames: impl Iterator<Item = &'a Frame>, of: Frame, list: usize) -> Vec<Frame> {
    let before = |frame: &&Frame| (frame.order < of.order) == (list == 0);
    let mut frames: Vec<Frame> = frames.filter(before).copied().collect();
    frames.sort_by_key(|frame| (frame.order - of.order).abs());
    frames
}

/// The command that leads from one number to another (8-34, 8-35).
fn pick(at: u32, to: u32, modulus: u32) -> Pick {
    let back = (at + modulus - to) % modulus;
    let ahead = modulus - back;
    match back {
        // The same again is once around.
        0 => (0, modulus - 1),
        _ if back <= ahead => (0, back - 1),
        _ => (1, ahead - 1),
    }
}
