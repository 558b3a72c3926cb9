//! The header of a slice (7.3.3): which number its frame has, and to which
//! others it refers. It can be written again with other numbers; what it says
//! besides stays as it is, bit for bit.

use super::{IDR, Order, Pps, Sps, unit_type};

use crate::Error;
use crate::codec::bits::{BitReader, BitWriter};

/// Most commands of one kind in a header.
const MOST: usize = 66;
/// `idr_pic_id` of a frame that is made an IDR picture. Two of them that follow
/// each other must have different ones, and encoders count from 0.
const IDR_ID: u32 = 1_000;

/// How a slice is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// From one list of frames.
    P,
    /// From two.
    B,
    /// From nothing else.
    I,
}

impl ErrorKind {
    /// Lists of frames that it refers to.
    pub fn lists(self) -> usize {
        match self {
            ErrorKind::I => 0,
            ErrorKind::P => 1,
            ErrorKind::B => 2,
        }
    }
}

/// A place of a list that another frame takes: the operation, 0 or 1, and
/// `abs_diff_pic_num_minus1` (7.4.3.1).
pub type Pick = (u32, u32);

/// What a slice's header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// How it is predicted.
    pub kind: ErrorKind,
    /// Whether its frame is referred to.
    pub reference: bool,
    /// `frame_num`.
    pub number: u32,
    /// `pic_order_cnt_lsb`; 0 where there is none.
    pub lsb: u32,
    /// `delta_pic_order_cnt_bottom`.
    pub bottom: i32,
    /// Places in use of each list.
    pub active: [u32; 2],
    /// How each list is put in another order, if it is.
    pub picks: [Option<Vec<Pick>>; 2],
    /// Frames that are no longer referred to, as `difference_of_pic_nums_minus1`;
    /// none where the oldest one goes when there is no room.
    pub unmarked: Option<Vec<u32>>,
    marks: Marks,
}

/// Where the parts of a header that may change are, in bits from the beginning
/// of the unit without emulation prevention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Marks {
    number: (usize, u32),
    lsb: (usize, u32),
    picks: (usize, usize),
    marking: (usize, usize),
    end: usize,
}

/// What a header is to say instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// Whether it is to be a slice of an IDR picture.
    pub idr: bool,
    /// `frame_num`.
    pub number: u32,
    /// `pic_order_cnt_lsb`.
    pub lsb: u32,
    /// As [`Slice::picks`].
    pub picks: [Option<Vec<Pick>>; 2],
    /// As [`Slice::unmarked`].
    pub unmarked: Option<Vec<u32>>,
}

/// Which picture parameter set a slice refers to; `plain` is the beginning of
/// its unit without emulation prevention.
///
/// # Errors
/// `Damaged` when it ends too early.
pub fn pps_of(plain: &[u8]) -> Result<u8, Error> {
    let mut bits = BitReader::new(plain);
    bits.skip(8)?;
    bits.ue()?;
    bits.ue()?;
    Ok(bits.ue_to(255)? as u8)
}

impl Slice {
    /// Reads the header of a slice that is not of an IDR picture, from the
    /// beginning of its unit without emulation prevention.
    ///
    /// # Errors
    /// `Damaged` when it can't be read, or ends too early; `Unsupported` for
    /// fields, frames that are kept for long, and switching slices.
    pub fn parse(plain: &[u8], sps: &Sps, pps: &Pps) -> Result<Slice, Error> {
        let first = plain.first().copied().unwrap_or_default();
        if unit_type(first) == IDR {
            return Err(Error::unsupported("an IDR picture among other slices"));
        }
        let reference = first & 0x60 != 0;
        let mut bits = BitReader::new(plain);
        bits.skip(8)?;
        bits.ue()?;
        let kind = match bits.ue_to(9)? % 5 {
            0 => ErrorKind::P,
            1 => ErrorKind::B,
            2 => ErrorKind::I,
            _ => return Err(Error::unsupported("H.264 with switching slices")),
        };
        bits.ue_to(255)?;
        let at = (bits.position(), sps.number_bits);
        let number = (at, bits.bits(sps.number_bits)?);
        if !sps.frames_only && bits.bit()? {
            return Err(Error::unsupported("H.264 in fields"));
        }
        let width = match sps.order {
            Order::Lsb { bits } => bits,
            Order::Decoding => 0,
            Order::Cycle => return Err(Error::unsupported("H.264 with an order in cycles")),
        };
        let at = (bits.position(), width);
        let lsb = (at, bits.bits(width)?);
        let bottom = if width > 0 && pps.bottom_order { bits.se()? } else { 0 };
        let bottom = i32::try_from(bottom).map_err(|_| damaged())?;
        if kind == ErrorKind::B {
            bits.bit()?;
        }
        let active = active(&mut bits, kind, pps)?;
        let from = bits.position();
        let mut picks = [None, None];
        for list in picks.iter_mut().take(kind.lists()) {
            *list = read_picks(&mut bits)?;
        }
        let picked = (from, bits.position());
        if kind == ErrorKind::P && pps.weighted || kind == ErrorKind::B && pps.bi_weighted {
            weights(&mut bits, sps, kind, active)?;
        }
        let from = bits.position();
        let unmarked = if reference { marking(&mut bits)? } else { None };
        let marking = (from, bits.position());
        if pps.arithmetic && kind != ErrorKind::I {
            bits.ue_to(2)?;
        }
        bits.se()?;
        if pps.deblocking && bits.ue_to(2)? != 1 {
            bits.se()?;
            bits.se()?;
        }
        let (number, lsb, end) = (number, lsb, bits.position());
        let marks = Marks { number: number.0, lsb: lsb.0, picks: picked, marking, end };
        let (number, lsb) = (number.1, lsb.1);
        Ok(Slice { kind, reference, number, lsb, bottom, active, picks, unmarked, marks })
    }

    /// Whether both can be slices of the same frame.
    pub fn is_of_one_frame_with(&self, other: &Slice) -> bool {
        let all = |slice: &Slice| (slice.number, slice.lsb, slice.bottom, slice.reference);
        all(self) == all(other) && self.unmarked == other.unmarked
    }

    /// First byte of its data, which begins with a whole one where coding is
    /// arithmetic.
    pub fn data(&self) -> usize {
        self.marks.end.div_ceil(8)
    }

    /// The header with other numbers, up to a whole byte, as data that is coded
    /// arithmetically wants it (`cabac_alignment_one_bit`, 7.3.4).
    ///
    /// # Errors
    /// `Damaged` when `plain` is not what the slice was read from.
    pub fn renamed(&self, plain: &[u8], to: &Renamed) -> Result<Vec<u8>, Error> {
        let marks = &self.marks;
        let mut bits = BitReader::new(plain);
        let mut made = BitWriter::new();
        let first = bits.bits(8)?;
        made.bits(if to.idr { first & 0xe0 | u32::from(IDR) } else { first }, 8);
        copy(&mut bits, &mut made, marks.number.0)?;
        made.bits(to.number, marks.number.1);
        bits.skip(marks.number.1 as usize)?;
        copy(&mut bits, &mut made, marks.lsb.0)?;
        if to.idr {
            made.ue(IDR_ID);
        }
        made.bits(to.lsb, marks.lsb.1);
        bits.skip(marks.lsb.1 as usize)?;
        copy(&mut bits, &mut made, marks.picks.0)?;
        for list in to.picks.iter().take(self.kind.lists()) {
            write_picks(&mut made, list.as_deref());
        }
        bits.skip(marks.picks.1 - marks.picks.0)?;
        copy(&mut bits, &mut made, marks.marking.0)?;
        if to.idr {
            // Nothing of what was before is thrown away unseen, and the frame
            // is not kept for long.
            made.bits(0, 2);
        } else if self.reference {
            write_marking(&mut made, to.unmarked.as_deref());
        }
        bits.skip(marks.marking.1 - marks.marking.0)?;
        copy(&mut bits, &mut made, marks.end)?;
        while !made.is_whole() {
            made.bit(true);
        }
        Ok(made.finish())
    }
}

fn damaged() -> Error {
    Error::damaged("a slice's header that can't be read")
}

fn copy(from: &mut BitReader<'_>, to: &mut BitWriter, end: usize) -> Result<(), Error> {
    while from.position() < end {
        let bit = from.bit()?;
        to.bit(bit);
    }
    Ok(())
}

fn active(bits: &mut BitReader<'_>, kind: ErrorKind, pps: &Pps) -> Result<[u32; 2], Error> {
    let mut active = pps.active;
    if kind != ErrorKind::I && bits.bit()? {
        for count in active.iter_mut().take(kind.lists()) {
            *count = bits.ue_to(31)? + 1;
        }
    }
    Ok(active)
}

/// `ref_pic_list_modification` of one list (7.3.3.1).
fn read_picks(bits: &mut BitReader<'_>) -> Result<Option<Vec<Pick>>, Error> {
    if !bits.bit()? {
        return Ok(None);
    }
    let mut picks = Vec::new();
    loop {
        match bits.ue_to(3)? {
            3 => return Ok(Some(picks)),
            2 => return Err(for_long()),
            operation => picks.push((operation, bits.ue()?)),
        }
        if picks.len() > MOST {
            return Err(damaged());
        }
    }
}

fn write_picks(bits: &mut BitWriter, picks: Option<&[Pick]>) {
    bits.bit(picks.is_some());
    if let Some(picks) = picks {
        for (operation, difference) in picks {
            bits.ue(*operation);
            bits.ue(*difference);
        }
        bits.ue(3);
    }
}

/// `dec_ref_pic_marking` of what is no IDR picture (7.3.3.3).
fn marking(bits: &mut BitReader<'_>) -> Result<Option<Vec<u32>>, Error> {
    if !bits.bit()? {
        return Ok(None);
    }
    let mut unmarked = Vec::new();
    loop {
        match bits.ue_to(6)? {
            0 => return Ok(Some(unmarked)),
            1 => unmarked.push(bits.ue()?),
            _ => return Err(for_long()),
        }
        if unmarked.len() > MOST {
            return Err(damaged());
        }
    }
}

fn write_marking(bits: &mut BitWriter, unmarked: Option<&[u32]>) {
    bits.bit(unmarked.is_some());
    if let Some(unmarked) = unmarked {
        for difference in unmarked {
            bits.ue(1);
            bits.ue(*difference);
        }
        bits.ue(0);
    }
}

fn for_long() -> Error {
    Error::unsupported("H.264 that keeps frames for long")
}

/// Passes over `pred_weight_table` (7.3.3.2).
fn weights(
    bits: &mut BitReader<'_>,
    sps: &Sps,
    kind: ErrorKind,
    active: [u32; 2],
) -> Result<(), Error> {
    let colours = sps.chroma != 0;
    bits.ue_to(7)?;
    if colours {
        bits.ue_to(7)?;
    }
    for count in active.into_iter().take(kind.lists()) {
        for _ in 0..count {
            for numbers in [2, 4].into_iter().take(if colours { 2 } else { 1 }) {
                if bits.bit()? {
                    for _ in 0..numbers {
                        bits.se()?;
                    }
                }
            }
        }
    }
    Ok(())
}
