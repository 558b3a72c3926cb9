//! `moov` (ISO/IEC 14496-12, 8.2) and what it says of the tracks but for their
//! tables.

use clipmill_core::Timescale;

use super::boxes::{boxed, count, full_box, words};
use super::chunks::Chunk;
use super::sample_entry::written_entry;
use super::stbl::{TableContent, TrackTimes, stbl};
use crate::UPRIGHT;
use crate::mux::OutTrack;
use crate::{MediaError, Track, TrackKind};

/// Ticks per second of the movie: those of edit lists.
const MOVIE_TIMESCALE: Timescale = Timescale::MPEG;
/// Flags of a track: enabled, and in the movie.
const ENABLED: u32 = 3;

/// A track with what is worked out of it once.
pub(super) struct MovieTrack<'a> {
    out: &'a OutTrack,
    entry: Vec<u8>,
    times: TrackTimes,
}

impl MovieTrack<'_> {
    /// Works out entry and times.
    ///
    /// # Errors
    /// The track can't be put in an MP4.
    pub fn new(out: &OutTrack) -> Result<MovieTrack<'_>, MediaError> {
        Ok(MovieTrack { out, entry: written_entry(&out.track)?, times: TrackTimes::new(out)? })
    }

    /// How long it is presented, ticks of its own.
    fn presented(&self) -> u64 {
        match u64::try_from(self.out.start) {
            Ok(_) => self.times.duration,
            Err(_) => self.times.duration.saturating_sub(self.out.start.unsigned_abs()),
        }
    }

    /// Until when it is presented, ticks of the movie.
    fn end(&self) -> u64 {
        let late = u64::try_from(self.out.start).unwrap_or(0);
        self.movie_ticks(self.presented().saturating_add(late))
    }

    /// Ticks of the track as the nearest of the movie.
    fn movie_ticks(&self, ticks: u64) -> u64 {
        let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
        self.out.track.timescale.rescale(ticks, MOVIE_TIMESCALE).unsigned_abs()
    }
}

/// `moov`, where each track has these chunks.
pub(super) fn moov(
    tracks: &[MovieTrack<'_>],
    chunks: &[Vec<Chunk>],
    is_wide: bool,
) -> Result<Vec<u8>, MediaError> {
    let duration = tracks.iter().map(MovieTrack::end).max().unwrap_or(0);
    let mut boxes = vec![mvhd(duration, tracks.len())];
    for ((number, track), chunks) in (1_u32..).zip(tracks).zip(chunks) {
        let content = TableContent {
            track: track.out,
            entry: &track.entry,
            times: &track.times,
            chunks,
            is_wide,
        };
        boxes.push(trak(number, track, &stbl(&content)?));
    }
    let contents: Vec<&[u8]> = boxes.iter().map(Vec::as_slice).collect();
    Ok(boxed(b"moov", &contents))
}

/// Two unset dates, a scale or a number, and a duration, of version 1.
fn dated(between: &[u32], duration: u64) -> Vec<u8> {
    [&[0; 16], &words(between)[..], &duration.to_be_bytes()].concat()
}

fn mvhd(duration: u64, tracks: usize) -> Vec<u8> {
    full_box(
        b"mvhd",
        1,
        0,
        &[
            &dated(&[MOVIE_TIMESCALE.get()], duration),
            // Speed and volume, reserved, the matrix, reserved, the next track.
            &words(&[0x1_0000, 0x100_0000, 0, 0]),
            &matrix(UPRIGHT),
            &words(&[0, 0, 0, 0, 0, 0, count(tracks + 1)]),
        ],
    )
}

fn trak(number: u32, track: &MovieTrack<'_>, stbl: &[u8]) -> Vec<u8> {
    let own = &track.out.track;
    let is_video = own.kind == TrackKind::Video;
    let mdhd = full_box(
        b"mdhd",
        1,
        0,
        &[&dated(&[own.timescale.get()], track.times.duration), &language(own.language), &[0, 0]],
    );
    let (kind, name): (&[u8; 4], &[u8]) =
        if is_video { (b"vide", b"VideoHandler\0") } else { (b"soun", b"SoundHandler\0") };
    let hdlr = full_box(b"hdlr", 0, 0, &[&[0; 4], kind, &[0; 12], name]);
    let media_header = if is_video {
        full_box(b"vmhd", 0, 1, &[&[0; 8]])
    } else {
        full_box(b"smhd", 0, 0, &[&[0; 4]])
    };
    let this_file = full_box(b"url ", 0, 1, &[]);
    let dinf = boxed(b"dinf", &[&full_box(b"dref", 0, 0, &[&words(&[1]), &this_file])]);
    let minf = boxed(b"minf", &[&media_header, &dinf, stbl]);
    let mdia = boxed(b"mdia", &[&mdhd, &hdlr, &minf]);
    boxed(b"trak", &[&tkhd(number, track), &edts(track), &mdia])
}

fn tkhd(number: u32, track: &MovieTrack<'_>) -> Vec<u8> {
    let own = &track.out.track;
    let is_video = own.kind == TrackKind::Video;
    let (width, height) = if is_video { presented_size(own) } else { (0, 0) };
    let volume = if is_video { 0 } else { 0x100_0000 };
    full_box(
        b"tkhd",
        1,
        ENABLED,
        &[
            &dated(&[number, 0], track.end()),
            &words(&[0, 0, 0, volume]),
            &matrix(if is_video { own.matrix } else { UPRIGHT }),
            &words(&[width, height]),
        ],
    )
}

/// An edit list, when the first sample is not presented at 0.
fn edts(track: &MovieTrack<'_>) -> Vec<u8> {
    let duration = track.movie_ticks(track.presented());
    let rows: Vec<(u64, i64)> = match track.out.start {
        0 => return Vec::new(),
        late @ 1.. => vec![(track.movie_ticks(late.unsigned_abs()), -1), (duration, 0)],
        early => vec![(duration, early.saturating_neg())],
    };
    let mut bytes = words(&[count(rows.len())]);
    for (duration, media_time) in rows {
        bytes.extend(duration.to_be_bytes());
        bytes.extend(media_time.to_be_bytes());
        // At rate 1.
        bytes.extend([0, 1, 0, 0]);
    }
    boxed(b"edts", &[&full_box(b"elst", 1, 0, &[&bytes])])
}

/// Width and height as shown, 16.16.
fn presented_size(track: &Track) -> (u32, u32) {
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
