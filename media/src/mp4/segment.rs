//! Segments of fragmented MP4, as HLS and DASH deliver them: one initialisation
//! section, which is a `moov` without samples, and fragments in files of their
//! own (ISO/IEC 14496-12, 8.16.2 and annex A.8).
//!
//! The section and the fragments are read by the same readers as whole files, so
//! the same edit list gives the same times here and there, and a list that is
//! refused there is refused here.
//!
//! Joining segments takes three things: when a segment starts in its own clock
//! ([`InitTracks::start`]), the same fragments with another clock
//! ([`InitTracks::shift`]), and where they are ([`fragment_ranges`]).

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use futures_util::FutureExt;

use super::boxes::{BoxHeader, FourCc, children};
use super::limits;
use super::moov::{Moov, Trex};
use super::sample::TrackTimeline;
use super::source::Mp4Source;
use super::stsd::{entries_without_bit_rates, refuse_encrypted_entries};
use super::top_level::find_moov;
use super::tracks::media_tracks;
use super::traf::Traf;
use super::trak::Trak;
use crate::{MediaError, PresentedTicks, TrackKind};

/// What an initialisation section says of its tracks, by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitTracks(BTreeMap<u32, InitTrack>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct InitTrack {
    timeline: TrackTimeline,
    format: TrackFormat,
}

/// What fragments behind one section have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TrackFormat {
    /// None for tracks that are neither video nor audio.
    kind: Option<TrackKind>,
    /// The sample entries, without bit rates.
    entries: Vec<u8>,
    trex: Trex,
}

impl InitTracks {
    /// Reads an initialisation section.
    ///
    /// # Errors
    /// [`MediaErrorKind::Damaged`](crate::MediaErrorKind::Damaged) when it holds no tracks,
    /// [`MediaErrorKind::Unsupported`](crate::MediaErrorKind::Unsupported) when they are encrypted or
    /// an edit list does more than move its track.
    pub fn parse(init: &[u8]) -> Result<InitTracks, MediaError> {
        let moov = read_moov(init)?;
        let media = media_tracks(&moov);
        let mut tracks = BTreeMap::new();
        for trak in &moov.tracks {
            let kind = media.iter().find(|track| track.trak.id == trak.id).map(|track| track.kind);
            if let Some(track) = InitTrack::new(&moov, trak, kind)? {
                tracks.insert(trak.id, track);
            }
        }
        if tracks.is_empty() {
            return Err(MediaError::damaged("an initialisation section without tracks"));
        }
        Ok(InitTracks(tracks))
    }

    /// When video starts in the fragments at the beginning of a segment, or audio
    /// where there is no video, microseconds of the segment's own clock. None
    /// when `head` is too short.
    ///
    /// # Errors
    /// A fragment is damaged, or has no `tfdt`.
    pub fn start(&self, head: &[u8]) -> Result<Option<i64>, MediaError> {
        let mut starts: BTreeMap<u32, i64> = BTreeMap::new();
        for moof in moofs(head) {
            for traf in moof?.trafs(head)? {
                let track = traf.traf.tfhd.track;
                let Some(micros) = self.traf_start(&traf.traf)? else { continue };
                let known = starts.entry(track).or_insert(micros);
                *known = micros.min(*known);
            }
        }
        let leads = |kind| self.0.values().any(|track| track.format.kind == Some(kind));
        let leading = if leads(TrackKind::Video) { TrackKind::Video } else { TrackKind::Audio };
        let tracks = self.0.iter().filter(|(_, track)| track.format.kind == Some(leading));
        let first = tracks.map(|(id, _)| starts.get(id).copied());
        Ok(first.reduce(|one, other| Some(one?.min(other?))).flatten())
    }

    /// When the first sample of a `traf` is presented, microseconds; none when it
    /// has no samples or is of another track.
    fn traf_start(&self, traf: &Traf<'_>) -> Result<Option<i64>, MediaError> {
        let Some(track) = self.0.get(&traf.tfhd.track) else { return Ok(None) };
        let Some(tfdt) = &traf.tfdt else {
            return Err(MediaError::unsupported("a fragment does not tell when it begins"));
        };
        let defaults = traf.tfhd.defaults(Some(track.format.trex));
        let mut dts = tfdt.ticks()?;
        let mut earliest: Option<i64> = None;
        for run in &traf.runs {
            if let Some(offset) = run.earliest(defaults) {
                let pts = dts.saturating_add(offset);
                earliest = Some(earliest.map_or(pts, |known| known.min(pts)));
            }
            let duration = i64::try_from(run.duration(defaults)).unwrap_or(limits::LATEST);
            dts = dts.saturating_add(duration);
        }
        let TrackTimeline { timescale, shift, .. } = track.timeline;
        Ok(earliest.map(|pts| timescale.micros(pts.saturating_add(shift))))
    }

    /// Whether fragments of both can stand behind one initialisation section:
    /// only their edit lists may differ, which [`InitTracks::shift`] makes up
    /// for.
    pub fn fits(&self, other: &InitTracks) -> bool {
        let is_same = |((id, own), (other_id, other)): ((&u32, &InitTrack), (&u32, &InitTrack))| {
            id == other_id
                && own.format == other.format
                && own.timeline.timescale == other.timeline.timescale
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(is_same)
    }

    /// Adds microseconds to the time of every fragment, and takes it from the
    /// edit lists of this section, whose fragments they are, to those of another
    /// section that it [fits](InitTracks::fits).
    ///
    /// # Errors
    /// [`MediaErrorKind::Damaged`](crate::MediaErrorKind::Damaged) or
    /// [`MediaErrorKind::Unsupported`](crate::MediaErrorKind::Unsupported) when a time can't be
    /// found or does not fit its place.
    pub fn shift(&self, bytes: &mut [u8], micros: i64, to: &InitTracks) -> Result<(), MediaError> {
        let damaged = || MediaError::damaged("a fragment without its time");
        let mut moved = Vec::new();
        for moof in moofs(bytes) {
            for PlacedTraf { traf, offset } in moof?.trafs(bytes)? {
                let tfdt = traf.tfdt.ok_or_else(damaged)?;
                let own = self.0.get(&traf.tfhd.track).ok_or_else(damaged)?.timeline;
                let other = to.0.get(&traf.tfhd.track).ok_or_else(damaged)?.timeline;
                let ticks = i128::from(own.timescale.ticks(micros)) + i128::from(own.shift)
                    - i128::from(other.shift);
                let place = tfdt.place.start + offset..tfdt.place.end + offset;
                moved.push((place, i128::from(tfdt.time) + ticks));
            }
        }
        for (place, time) in moved {
            let most = if place.len() == 8 { i128::from(u64::MAX) } else { i128::from(u32::MAX) };
            if !(0..=most).contains(&time) {
                return Err(MediaError::unsupported("the times of these segments can't be joined"));
            }
            let time = time.to_be_bytes();
            let field = time.get(time.len() - place.len()..).unwrap_or_default();
            bytes.get_mut(place).ok_or_else(damaged)?.copy_from_slice(field);
        }
        Ok(())
    }
}

/// The `moov` of an initialisation section, which is in memory.
fn read_moov(init: &[u8]) -> Result<Moov, MediaError> {
    let bytes = Bytes::copy_from_slice(init);
    let source = Mp4Source::new(&bytes, limits::WHOLE_INDEX);
    let read = async {
        let place = find_moov(&source).await?;
        Moov::read(&source, &place.moov).await
    };
    // Memory is read at once, so the reader never waits.
    read.now_or_never().unwrap_or_else(|| Err(MediaError::read("the section could not be read")))
}

impl InitTrack {
    /// None for a damaged track that is neither video nor audio.
    fn new(
        moov: &Moov,
        trak: &Trak,
        kind: Option<TrackKind>,
    ) -> Result<Option<InitTrack>, MediaError> {
        let (timeline, entries) = match (kind, trak.timescale) {
            (Some(kind), Some(_)) => {
                refuse_encrypted_entries(&trak.stsd)?;
                let entries = entries_without_bit_rates(&trak.stsd, kind)?;
                (moov.timeline_of(trak)?, entries)
            }
            (Some(_), None) => return Err(MediaError::damaged("a track has no time scale")),
            (None, Some(timescale)) => {
                // The times of other tracks do not matter.
                let unmoved = TrackTimeline { timescale, shift: 0, edit: PresentedTicks::ALL };
                (moov.timeline_of(trak).unwrap_or(unmoved), trak.stsd.to_vec())
            }
            (None, None) => return Ok(None),
        };
        let format = TrackFormat { kind, entries, trex: moov.trex_of(trak.id) };
        Ok(Some(InitTrack { timeline, format }))
    }
}

/// A box at the top level of a segment.
struct SegmentBox {
    name: FourCc,
    whole: Range<usize>,
    body: Range<usize>,
    /// Whether its end is missing.
    is_cut: bool,
}

/// A `traf` and where its body is in the segment.
struct PlacedTraf<'a> {
    traf: Traf<'a>,
    offset: usize,
}

impl SegmentBox {
    fn trafs<'a>(&self, bytes: &'a [u8]) -> Result<Vec<PlacedTraf<'a>>, MediaError> {
        let mut trafs = Vec::new();
        for found in children(bytes.get(self.body.clone()).unwrap_or_default()) {
            let found = found?;
            if &found.name == b"traf"
                && let Some(traf) = Traf::parse(found.body)?
            {
                trafs.push(PlacedTraf { traf, offset: self.body.start + found.body_offset });
            }
        }
        Ok(trafs)
    }
}

/// The boxes of a segment; the last one may be cut off.
fn segment_boxes(bytes: &[u8]) -> impl Iterator<Item = Result<SegmentBox, MediaError>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(start..).filter(|rest| rest.len() >= 8)?;
        let room = rest.len() as u64;
        if rest.len() < 16 && rest.starts_with(&[0, 0, 0, 1]) {
            // The header itself is cut.
            let (whole, body) = (start..bytes.len(), bytes.len()..bytes.len());
            let name = rest.get(4..8).and_then(|name| name.try_into().ok())?;
            start = bytes.len();
            return Some(Ok(SegmentBox { name, whole, body, is_cut: true }));
        }
        let is_open = rest.starts_with(&[0; 4]);
        let header = match BoxHeader::read(rest, if is_open { room } else { u64::MAX }) {
            Ok(header) => header,
            Err(error) => {
                start = bytes.len();
                return Some(Err(error));
            }
        };
        let is_cut = header.size > room;
        let end = start + header.size.min(room) as usize;
        let body = (start + header.length as usize).min(end)..end;
        let found = SegmentBox { name: header.name, whole: start..end, body, is_cut };
        start = end;
        Some(Ok(found))
    })
}

/// The complete `moof`s of a segment.
fn moofs(bytes: &[u8]) -> impl Iterator<Item = Result<SegmentBox, MediaError>> {
    segment_boxes(bytes).filter(|found| match found {
        Ok(found) => &found.name == b"moof" && !found.is_cut,
        Err(_) => true,
    })
}

/// Where the fragments are in a segment, without what only a player needs:
/// indexes, events and the segment's own type.
///
/// # Errors
/// [`MediaErrorKind::Damaged`](crate::MediaErrorKind::Damaged) when there are none or the last one
/// is cut off, [`MediaErrorKind::Unsupported`](crate::MediaErrorKind::Unsupported) when they name
/// their samples by their place in another file.
pub fn fragment_ranges(bytes: &[u8]) -> Result<Vec<Range<usize>>, MediaError> {
    let mut ranges = Vec::new();
    let (mut has_moof, mut has_mdat) = (false, false);
    for found in segment_boxes(bytes) {
        let found = found?;
        if found.is_cut {
            return Err(MediaError::damaged("a segment is cut off"));
        }
        match &found.name {
            b"moof" => {
                has_moof = true;
                let is_fixed = |traf: &PlacedTraf<'_>| traf.traf.tfhd.base_offset.is_some();
                if found.trafs(bytes)?.iter().any(is_fixed) {
                    return Err(MediaError::unsupported("fragments with places of another file"));
                }
                ranges.push(found.whole);
            }
            b"mdat" => {
                has_mdat = true;
                ranges.push(found.whole);
            }
            _ => {}
        }
    }
    if !has_moof || !has_mdat {
        return Err(MediaError::damaged("a segment without fragments"));
    }
    Ok(ranges)
}
