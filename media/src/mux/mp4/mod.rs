//! Writing MP4 (ISO/IEC 14496-12): one `moov` in front, then all samples.
//!
//! The first sample of a picture is presented at 0 without an edit list, since
//! not every player follows those: decoding times are the presentation times
//! in rising order, and composition offsets may be negative.

pub(crate) mod boxes;
mod chunks;
mod entry;
mod tables;

use std::fs::File;
use std::io::Write;

use self::boxes::{boxed, full, words};
use self::chunks::Chunk;
use self::tables::Times;
use super::copy::SampleCopier;
use super::{OutTrack, WriteError};
use crate::track::UPRIGHT;
use crate::{Error, TrackKind};

/// Ticks per second of the movie: those of edit lists.
const MOVIE_SCALE: u32 = 90_000;
/// From this size on, places in the file have 64 bits.
const WIDE: u64 = 0xf000_0000;

/// Writes a file of these tracks, whose samples lie in `files`.
///
/// # Errors
/// [`WriteError`]: for tracks without samples, codecs that MP4 can't hold, or
/// times that it can't say.
pub fn write(out: &mut impl Write, tracks: &[OutTrack], files: &[&File]) -> Result<(), WriteError> {
    let parts: Vec<Part<'_>> = tracks.iter().map(Part::of).collect::<Result<_, Error>>()?;
    let payload: u64 =
        tracks.iter().flat_map(|track| &track.samples).map(|sample| sample.data.size()).sum();
    let wide = payload > WIDE;
    let ftyp = boxed(b"ftyp", &[b"isom", &words(&[512]), b"isom", b"iso4", b"iso6", b"mp41"]);
    // Its length does not depend on the places that it tells.
    let (chunks, _) = chunks::lay(tracks, 0);
    let mdat_head: u64 = if wide { 16 } else { 8 };
    let from = ftyp.len() as u64 + moov(&parts, &chunks, wide)?.len() as u64 + mdat_head;
    let (chunks, order) = chunks::lay(tracks, from);
    let mut copier = SampleCopier::new(out, files);
    copier.write_bytes(&ftyp)?;
    copier.write_bytes(&moov(&parts, &chunks, wide)?)?;
    copier.write_bytes(&mdat(payload, wide))?;
    for (track, chunk) in order {
        let (Some(track), Some(chunk)) =
            (tracks.get(track), chunks.get(track).and_then(|chunks| chunks.get(chunk)))
        else {
            continue;
        };
        for sample in track.samples.get(chunk.samples.clone()).unwrap_or_default() {
            copier.write_sample(&sample.data)?;
        }
    }
    copier.flush()?;
    Ok(())
}

fn mdat(payload: u64, wide: bool) -> Vec<u8> {
    if wide {
        return [&words(&[1])[..], b"mdat", &(payload + 16).to_be_bytes()].concat();
    }
    // Whoever is not wide is below 4 GiB.
    let size = u32::try_from(payload + 8).unwrap_or(u32::MAX);
    [&words(&[size])[..], b"mdat"].concat()
}

/// A track with what is worked out of it once.
struct Part<'a> {
    out: &'a OutTrack,
    entry: Vec<u8>,
    times: Times,
}

impl Part<'_> {
    fn of(out: &OutTrack) -> Result<Part<'_>, Error> {
        Ok(Part { out, entry: entry::entry(&out.track)?, times: Times::of(out)? })
    }

    /// How long it is presented, ticks of its own.
    fn presented(&self) -> u64 {
        match u64::try_from(self.out.start) {
            Ok(_) => self.times.length,
            Err(_) => self.times.length.saturating_sub(self.out.start.unsigned_abs()),
        }
    }

    /// Until when it is presented, ticks of the movie.
    fn end(&self) -> u64 {
        let late = u64::try_from(self.out.start).unwrap_or(0);
        self.movie_ticks(self.presented().saturating_add(late))
    }

    fn movie_ticks(&self, ticks: u64) -> u64 {
        let scale = u128::from(self.out.track.timescale.max(1));
        let ticks = (u128::from(ticks) * u128::from(MOVIE_SCALE) + scale / 2) / scale;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }
}

fn moov(parts: &[Part<'_>], chunks: &[Vec<Chunk>], wide: bool) -> Result<Vec<u8>, Error> {
    let length = parts.iter().map(Part::end).max().unwrap_or(0);
    let mut boxes = vec![mvhd(length, parts.len())];
    for ((number, part), chunks) in (1_u32..).zip(parts).zip(chunks) {
        boxes.push(trak(number, part, chunks, wide)?);
    }
    let contents: Vec<&[u8]> = boxes.iter().map(Vec::as_slice).collect();
    Ok(boxed(b"moov", &contents))
}

/// Two unset dates, a scale and a length, in 64 bits.
fn dated(between: &[u32], length: u64) -> Vec<u8> {
    [&[0; 16], &words(between)[..], &length.to_be_bytes()].concat()
}

fn mvhd(length: u64, tracks: usize) -> Vec<u8> {
    let next = u32::try_from(tracks + 1).unwrap_or(u32::MAX);
    full(
        b"mvhd",
        1,
        0,
        &[
            &dated(&[MOVIE_SCALE], length),
            // Speed and volume, reserved, the matrix, reserved, the next track.
            &words(&[0x1_0000, 0x100_0000, 0, 0]),
            &matrix(UPRIGHT),
            &words(&[0, 0, 0, 0, 0, 0, next]),
        ],
    )
}

fn trak(number: u32, part: &Part<'_>, chunks: &[Chunk], wide: bool) -> Result<Vec<u8>, Error> {
    let track = &part.out.track;
    let is_picture = track.kind == TrackKind::Video;
    let (width, height) = match is_picture {
        true => presented(track),
        false => (0, 0),
    };
    let tkhd = full(
        b"tkhd",
        1,
        // Enabled, in the movie.
        3,
        &[
            &dated(&[number, 0], part.end()),
            &words(&[0, 0, 0, if is_picture { 0 } else { 0x100_0000 }]),
            &matrix(if is_picture { track.matrix } else { UPRIGHT }),
            &words(&[width, height]),
        ],
    );
    let mdhd = full(
        b"mdhd",
        1,
        0,
        &[&dated(&[track.timescale], part.times.length), &language(track.language), &[0, 0]],
    );
    let (kind, name): (&[u8; 4], &[u8]) = match is_picture {
        true => (b"vide", b"VideoHandler\0"),
        false => (b"soun", b"SoundHandler\0"),
    };
    let hdlr = full(b"hdlr", 0, 0, &[&[0; 4], kind, &[0; 12], name]);
    let media_head = match is_picture {
        true => full(b"vmhd", 0, 1, &[&[0; 8]]),
        false => full(b"smhd", 0, 0, &[&[0; 4]]),
    };
    let here = full(b"url ", 0, 1, &[]);
    let dinf = boxed(b"dinf", &[&full(b"dref", 0, 0, &[&words(&[1]), &here])]);
    let stbl = tables::stbl(part.out, &part.entry, &part.times, chunks, wide)?;
    let minf = boxed(b"minf", &[&media_head, &dinf, &stbl]);
    let mdia = boxed(b"mdia", &[&mdhd, &hdlr, &minf]);
    Ok(boxed(b"trak", &[&tkhd, &edits(part), &mdia]))
}

/// An edit list, when the first sample is not presented at 0.
fn edits(part: &Part<'_>) -> Vec<u8> {
    let length = part.movie_ticks(part.presented());
    let rows: Vec<(u64, i64)> = match part.out.start {
        0 => return Vec::new(),
        late @ 1.. => vec![(part.movie_ticks(late.unsigned_abs()), -1), (length, 0)],
        early => vec![(length, early.saturating_neg())],
    };
    let mut bytes = words(&[u32::try_from(rows.len()).unwrap_or(u32::MAX)]);
    for (length, from) in rows {
        bytes.extend(length.to_be_bytes());
        bytes.extend(from.to_be_bytes());
        bytes.extend([0, 1, 0, 0]);
    }
    boxed(b"edts", &[&full(b"elst", 1, 0, &[&bytes])])
}

/// Width and height as shown, 16.16.
fn presented(track: &crate::Track) -> (u32, u32) {
    if track.presented != (0, 0) {
        return track.presented;
    }
    let (wide, high) = track.pixel_aspect;
    let width = u64::from(track.width) * u64::from(wide) * 0x1_0000 / u64::from(high.max(1));
    let fixed = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    (fixed(width), fixed(u64::from(track.height) * 0x1_0000))
}

fn matrix(matrix: [i32; 9]) -> Vec<u8> {
    words(&matrix.map(i32::cast_unsigned))
}

/// Three letters of five bits each.
fn language(code: [u8; 3]) -> [u8; 2] {
    let letter = |letter: u8| u16::from(letter.wrapping_sub(0x60) & 0x1f);
    let [a, b, c] = code;
    (letter(a) << 10 | letter(b) << 5 | letter(c)).to_be_bytes()
}
