//! The small file that a span becomes: what `moov` says of its tracks without
//! the tables, one fragment that has its samples, and their bytes as they
//! stand in the original file.

use std::ops::Range;

use super::edits::Edits;
use super::moov::{Moov, Trak};
use super::tracks::Raw;
use crate::clip_file::GAP;
use crate::mux::mp4::boxes::{boxed, full, words};
use crate::{ClipPart, Error, Track};

/// From this size on, a box says its size in 64 bits.
const WIDE: u64 = 0xf000_0000;

/// The samples of a track that are needed.
pub(crate) struct Pick<'m> {
    /// The track as `moov` has it.
    pub trak: &'m Trak,
    /// The track without samples.
    pub track: Track,
    /// Which sample description they have.
    pub description: u32,
    /// The samples.
    pub samples: Vec<Raw>,
    /// Whether any of them is presented in the span.
    pub wanted: bool,
}

/// Samples of one track that become one fragment.
#[derive(Clone, Copy)]
pub(crate) struct Content<'a> {
    /// The track's number.
    pub track: u32,
    /// Which sample description they have.
    pub description: u32,
    /// The samples.
    pub samples: &'a [Raw],
}

/// The parts of the small file. `ftyp` is that of the original file, whole.
pub(crate) fn parts(ftyp: &[u8], moov: &Moov, picks: &[Pick<'_>]) -> Result<Vec<ClipPart>, Error> {
    let mut head = match ftyp {
        [] => boxed(b"ftyp", &[b"qt  ", &words(&[0]), b"qt  "]),
        ftyp => ftyp.to_vec(),
    };
    head.extend(movie(moov, picks));
    let contents: Vec<Content<'_>> = picks.iter().map(Pick::content).collect();
    let mut parts = fragment(&contents, head.len() as u64)?;
    if let Some(ClipPart::Generated(moof)) = parts.first_mut() {
        head.append(moof);
        *moof = head;
    }
    Ok(parts)
}

impl Pick<'_> {
    fn content(&self) -> Content<'_> {
        let (track, description) = (self.trak.id, self.description);
        Content { track, description, samples: &self.samples }
    }
}

/// A fragment, which is put to `at` in the small file.
pub(crate) fn fragment(contents: &[Content<'_>], at: u64) -> Result<Vec<ClipPart>, Error> {
    let mut ranges: Vec<Range<u64>> =
        contents.iter().flat_map(|content| runs(content.samples)).map(|run| run.1).collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let mut copied: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match copied.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(GAP) => {
                last.end = last.end.max(range.end);
            }
            _ => copied.push(range),
        }
    }
    let payload: u64 = copied.iter().map(|range| range.end - range.start).sum();
    let mdat = if payload > WIDE { 16 } else { 8 };
    // Its length does not depend on the places that it tells.
    let length = moof(contents, |_| 0)?.len();
    let layout = Layout::new(&copied, at + (length + mdat) as u64);
    let mut head = moof(contents, |offset| layout.place(offset))?;
    match mdat {
        8 => head.extend(words(&[u32::try_from(payload + 8).unwrap_or(0)])),
        _ => head.extend(words(&[1])),
    }
    head.extend(b"mdat");
    if mdat == 16 {
        head.extend((payload + 16).to_be_bytes());
    }
    let copied = copied.into_iter().filter(|range| !range.is_empty()).map(ClipPart::Copied);
    Ok(std::iter::once(ClipPart::Generated(head)).chain(copied).collect())
}

/// Samples whose bytes follow each other, and those bytes.
fn runs(samples: &[Raw]) -> impl Iterator<Item = (&[Raw], Range<u64>)> {
    samples.chunk_by(|one, next| one.offset + u64::from(one.size) == next.offset).filter_map(
        |run| Some((run, run.first()?.offset..run.last()?.offset + u64::from(run.last()?.size))),
    )
}

/// Ranges of the original file one after the other.
struct Layout {
    /// Each with the place of its first byte in the small file.
    ranges: Vec<(Range<u64>, u64)>,
}

impl Layout {
    fn new(copied: &[Range<u64>], from: u64) -> Layout {
        let mut at = from;
        let place = |range: &Range<u64>| {
            let here = at;
            at += range.end - range.start;
            (range.clone(), here)
        };
        Layout { ranges: copied.iter().map(place).collect() }
    }

    /// Where a byte of the original file is in the small one.
    fn place(&self, offset: u64) -> u64 {
        let at = self.ranges.partition_point(|(range, _)| range.start <= offset);
        let found = at.checked_sub(1).and_then(|at| self.ranges.get(at));
        found.map_or(0, |(range, here)| here + (offset - range.start))
    }
}

fn movie(moov: &Moov, picks: &[Pick<'_>]) -> Vec<u8> {
    let traks: Vec<u8> = picks.iter().flat_map(track).collect();
    let trex: Vec<u8> = picks
        .iter()
        .flat_map(|pick| full(b"trex", 0, 0, &[&words(&[pick.trak.id, pick.description, 0, 0, 0])]))
        .collect();
    boxed(
        b"moov",
        &[&boxed(b"mvhd", &[&timeless(&moov.mvhd, 0)]), &traks, &boxed(b"mvex", &[&trex])],
    )
}

fn track(pick: &Pick<'_>) -> Vec<u8> {
    let trak = pick.trak;
    let edits = edits(trak, raised(&pick.samples));
    let media: Vec<u8> = trak.media.iter().flat_map(|(name, body)| boxed(name, &[body])).collect();
    let none = |name: &[u8; 4]| full(name, 0, 0, &[&words(&[0])]);
    let tables = boxed(
        b"stbl",
        &[
            &boxed(b"stsd", &[&trak.stsd]),
            &none(b"stts"),
            &none(b"stsc"),
            &full(b"stsz", 0, 0, &[&words(&[0, 0])]),
            &none(b"stco"),
        ],
    );
    let media = boxed(b"minf", &[&media, &tables]);
    let media = boxed(
        b"mdia",
        &[&boxed(b"mdhd", &[&timeless(&trak.mdhd, 0)]), &boxed(b"hdlr", &[&trak.hdlr]), &media],
    );
    let head = boxed(b"tkhd", &[&timeless(&trak.tkhd, 4)]);
    boxed(b"trak", &[&head, &edits, &media])
}

/// How much later than in the original file all samples are presented, before
/// edits: FFmpeg misreads offsets below 0 in fragments.
fn raised(samples: &[Raw]) -> u32 {
    let least = samples.iter().map(|sample| sample.cts).min().unwrap_or(0);
    if least < 0 { least.unsigned_abs() } else { 0 }
}

/// The edit list of a track whose samples are presented later by `raised`.
fn edits(trak: &Trak, raised: u32) -> Vec<u8> {
    let content = match (&trak.elst, raised) {
        (None, 0) => return Vec::new(),
        (Some(elst), 0) => elst.to_vec(),
        _ => {
            let Edits { empty, media_time, duration, .. } = trak.edits;
            let entry = |duration: u64, time: u64| {
                [&duration.to_be_bytes()[..], &time.to_be_bytes(), &words(&[0x1_0000])].concat()
            };
            // A media time of -1 presents nothing.
            let before = if empty > 0 { entry(empty, u64::MAX) } else { Vec::new() };
            let count = if empty > 0 { 2 } else { 1 };
            let shown = entry(duration, media_time + u64::from(raised));
            [&words(&[0x0100_0000, count])[..], &before, &shown].concat()
        }
    };
    boxed(b"edts", &[&boxed(b"elst", &[&content])])
}

/// The content of a header box with a duration of 0: the fragment has all
/// samples. `further` is how many bytes later than in `mvhd` the duration is.
fn timeless(content: &[u8], further: usize) -> Vec<u8> {
    let mut content = content.to_vec();
    let range = if content.first() == Some(&0) { 16..20 } else { 24..32 };
    if let Some(duration) = content.get_mut(range.start + further..range.end + further) {
        duration.fill(0);
    }
    content
}

fn moof(contents: &[Content<'_>], place: impl Fn(u64) -> u64) -> Result<Vec<u8>, Error> {
    let mut fragments = Vec::new();
    for content in contents {
        let runs: Vec<_> = runs(content.samples).collect();
        // Places within a fragment of a track have 31 bits.
        let mut rest = &runs[..];
        while let Some((first, _)) = rest.first() {
            let base = first.first().map_or(0, |sample| sample.offset);
            let near = |run: &(&[Raw], Range<u64>)| {
                run.1.start >= base && run.1.start - base < i32::MAX as u64
            };
            let count = rest.iter().take_while(|run| near(run)).count().max(1);
            let (now, later) = rest.split_at(count);
            fragments.extend(traf(content, now, &place)?);
            rest = later;
        }
    }
    let head = full(b"mfhd", 0, 0, &[&words(&[1])]);
    Ok(boxed(b"moof", &[&head, &fragments]))
}

/// A `traf` of these runs.
fn traf(
    content: &Content<'_>,
    runs: &[(&[Raw], Range<u64>)],
    place: &impl Fn(u64) -> u64,
) -> Result<Vec<u8>, Error> {
    let all = || runs.iter().flat_map(|(run, _)| *run);
    let Some(first) = all().next() else { return Ok(Vec::new()) };
    // What all have in common is said once.
    let same = |of: fn(&Raw) -> u32| all().all(|sample| of(sample) == of(first));
    let (length, size, flagged) = (same(|s| s.delta), same(|s| s.size), same(flags));
    let raised = raised(content.samples);
    let cts = |sample: &Raw| sample.cts.cast_unsigned().wrapping_add(raised);
    let offset = all().any(|sample| cts(sample) != 0);
    let base = place(first.offset);
    let mut head = words(&[content.track]);
    head.extend(base.to_be_bytes());
    head.extend(words(&[content.description]));
    let mut has = 0x01 | 0x02;
    for (common, flag, value) in
        [(length, 0x08, first.delta), (size, 0x10, first.size), (flagged, 0x20, flags(first))]
    {
        if common {
            has |= flag;
            head.extend(words(&[value]));
        }
    }
    let time =
        u64::try_from(first.dts).map_err(|_| Error::unsupported("a sample is decoded before 0"))?;
    let mut inside = full(b"tfhd", 0, has, &[&head]);
    inside.extend(full(b"tfdt", 1, 0, &[&time.to_be_bytes()]));
    for (run, range) in runs {
        let Some(begin) = run.first() else { continue };
        let at = i32::try_from(place(range.start).cast_signed() - base.cast_signed())
            .map_err(|_| Error::unsupported("the samples lie too far apart"))?;
        let mut has = 0x01;
        for (each, flag) in [(!length, 0x100), (!size, 0x200), (!flagged, 0x400), (offset, 0x800)] {
            has |= if each { flag } else { 0 };
        }
        let count = u32::try_from(run.len()).map_err(|_| Error::too_large("too many samples"))?;
        let mut table = words(&[count, at.cast_unsigned()]);
        if has != 0x01 {
            for sample in *run {
                for (each, value) in [
                    (!length, sample.delta),
                    (!size, sample.size),
                    (!flagged, flags(sample)),
                    (offset, cts(sample)),
                ] {
                    if each {
                        table.extend(value.to_be_bytes());
                    }
                }
            }
        }
        debug_assert_eq!(begin.offset, range.start);
        inside.extend(full(b"trun", 1, has, &[&table]));
    }
    Ok(boxed(b"traf", &[&inside]))
}

/// A sample's flags (ISO/IEC 14496-12, 8.8.3.1).
fn flags(sample: &Raw) -> u32 {
    if sample.sync { 0x0200_0000 } else { 0x0101_0000 }
}
