//! The clip file that a span becomes: what `moov` says of its tracks without the
//! tables, one fragment that has its samples, and their bytes as they are in the
//! original file.
//!
//! ```text
//! ftyp            as in the original
//! moov
//!   mvhd          with a duration of 0
//!   trak          for each track
//!     tkhd        with a duration of 0
//!     edts/elst   as in the original, but for the shift below
//!     mdia
//!       mdhd      with a duration of 0
//!       hdlr      as in the original
//!       minf
//!         ...     as in the original
//!         stbl    stsd as in the original, empty tables
//!   mvex/trex     for each track
//! moof            see `moof`
//! mdat            bytes of the original
//! ```

mod moof;

use self::moof::lowest_composition_offset;
pub(crate) use self::moof::{FragmentTrack, fragment};
use super::elst::EditList;
use super::moov::Moov;
use super::sample::SampleInfo;
use super::trak::Trak;
use super::write::boxes::{boxed, full_box, words};
use crate::{ClipPart, MediaError, Track};

/// The samples of a track that a span needs.
pub(crate) struct SelectedTrack<'m> {
    /// The track as `moov` has it.
    pub trak: &'m Trak,
    /// The track without samples.
    pub track: Track,
    /// Which sample description they have.
    pub description: u32,
    /// The samples.
    pub samples: Vec<SampleInfo>,
    /// Whether any of them is presented in the span.
    pub is_in_span: bool,
}

impl SelectedTrack<'_> {
    fn content(&self) -> FragmentTrack<'_> {
        let track = self.trak.id;
        FragmentTrack { track, description: self.description, samples: &self.samples }
    }
}

/// The parts of a clip file. `ftyp` is that of the original file, whole.
pub(crate) fn clip_parts(
    ftyp: &[u8],
    moov: &Moov,
    tracks: &[SelectedTrack<'_>],
) -> Result<Vec<ClipPart>, MediaError> {
    let mut head = match ftyp {
        [] => boxed(b"ftyp", &[b"qt  ", &words(&[0]), b"qt  "]),
        ftyp => ftyp.to_vec(),
    };
    head.extend(clip_moov(moov, tracks));
    let contents: Vec<FragmentTrack<'_>> = tracks.iter().map(SelectedTrack::content).collect();
    let mut parts = fragment(&contents, head.len() as u64)?;
    if let Some(ClipPart::Generated(moof)) = parts.first_mut() {
        head.append(moof);
        *moof = head;
    }
    Ok(parts)
}

fn clip_moov(moov: &Moov, tracks: &[SelectedTrack<'_>]) -> Vec<u8> {
    let traks: Vec<u8> = tracks.iter().flat_map(clip_trak).collect();
    let trex = |track: &SelectedTrack<'_>| {
        full_box(b"trex", 0, 0, &[&words(&[track.trak.id, track.description, 0, 0, 0])])
    };
    let trex: Vec<u8> = tracks.iter().flat_map(trex).collect();
    let mvhd = boxed(b"mvhd", &[&without_duration(&moov.mvhd, 0)]);
    boxed(b"moov", &[&mvhd, &traks, &boxed(b"mvex", &[&trex])])
}

fn clip_trak(track: &SelectedTrack<'_>) -> Vec<u8> {
    let trak = track.trak;
    let empty = |name: &[u8; 4]| full_box(name, 0, 0, &[&words(&[0])]);
    let tables = boxed(
        b"stbl",
        &[
            &boxed(b"stsd", &[&trak.stsd]),
            &empty(b"stts"),
            &empty(b"stsc"),
            &full_box(b"stsz", 0, 0, &[&words(&[0, 0])]),
            &empty(b"stco"),
        ],
    );
    let beside: Vec<u8> = trak.minf.iter().flat_map(|(name, body)| boxed(name, &[body])).collect();
    let minf = boxed(b"minf", &[&beside, &tables]);
    let mdhd = boxed(b"mdhd", &[&without_duration(&trak.mdhd, 0)]);
    let mdia = boxed(b"mdia", &[&mdhd, &boxed(b"hdlr", &[&trak.hdlr]), &minf]);
    let tkhd = boxed(b"tkhd", &[&without_duration(&trak.tkhd, 4)]);
    boxed(b"trak", &[&tkhd, &edts(trak, &track.samples), &mdia])
}

/// The edit list of a track. The fragment presents all samples later, if some
/// are presented before they are decoded, and the list has to make up for it.
fn edts(trak: &Trak, samples: &[SampleInfo]) -> Vec<u8> {
    let content = match (&trak.elst, lowest_composition_offset(samples)) {
        (None, 0) => return Vec::new(),
        (Some(elst), 0) => elst.to_vec(),
        (_, later) => {
            let EditList { empty, media_time, duration, .. } = trak.edits;
            let edit = |duration: u64, time: u64| {
                [&duration.to_be_bytes()[..], &time.to_be_bytes(), &words(&[0x1_0000])].concat()
            };
            // A media time of -1 presents nothing.
            let before = if empty > 0 { edit(empty, u64::MAX) } else { Vec::new() };
            let count = if empty > 0 { 2 } else { 1 };
            let shown = edit(duration, media_time + u64::from(later));
            [&words(&[0x0100_0000, count])[..], &before, &shown].concat()
        }
    };
    boxed(b"edts", &[&boxed(b"elst", &[&content])])
}

/// The content of a header box with a duration of 0: the fragment has all
/// samples. `further` is how many bytes later than in `mvhd` the duration is.
fn without_duration(content: &[u8], further: usize) -> Vec<u8> {
    let mut content = content.to_vec();
    let range = if content.first() == Some(&0) { 16..20 } else { 24..32 };
    if let Some(duration) = content.get_mut(range.start + further..range.end + further) {
        duration.fill(0);
    }
    content
}
