//! What of a remote file a span needs: its head, made anew, and a run of its
//! clusters.

use super::config::settle;
use super::ebml::children;
use super::head::{self, Head};
use super::ids;
use super::opening::{self, Opening};
use super::piece::{self, Edge};
use super::tracks::Entry;
use super::window::Window;
use super::{cues, indexed, unindexed};
use crate::clip_file::{ClipFile, ClipPart, SpanSelection};
use crate::matroska::write::{element, header_of_any_size};
use crate::{Codec, Error, Media, ReadAt, TrackKind};

/// Bytes that are read at once where a few are needed.
const AHEAD: usize = 4096;
/// Milliseconds that a frame may stand behind a keyframe that is shown after it.
const REORDERED: u64 = 700;

/// What is wanted, in the file's own ticks.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// First time.
    pub start: u64,
    /// First time that is not wanted any more.
    pub end: u64,
    /// Number of the track whose frames decide where decoding can begin.
    pub leader: u64,
    /// Whether that is a picture.
    pub picture: bool,
    /// Whether its frames may be shown in another order than they stand in.
    pub reorders: bool,
    /// Number of the sound, if one is wanted beside the leader.
    pub sound: Option<u64>,
    /// Ticks that a wanted sound may stand before a picture that is shown
    /// before it.
    pub lead: u64,
    /// Ticks that a wanted frame may stand behind a later keyframe.
    pub late: u64,
    /// Ticks of a second.
    pub second: u64,
}

/// What of a file a span needs.
///
/// Few bytes are read: the beginning of the file, its index, and some heads of
/// blocks around the span. Without an index, clusters are searched for.
///
/// # Errors
/// Those of the file; when it contradicts itself, has nothing within the span
/// or of what is wanted, or when a track is encrypted or compressed once more.
pub async fn locate(file: &dyn ReadAt, want: &SpanSelection) -> Result<ClipFile, Error> {
    let mut window = Window::open(file, AHEAD).await?;
    let head = head::read(&mut window).await?;
    let opening = opening::look(&mut window, &head).await?;
    let seconds = head.scale as f64 / 1e9;
    let duration = head.duration.map(|ticks| (ticks - opening.zero as f64) * seconds);
    let duration = duration.filter(|duration| *duration > 0.0);
    let span = span(want, &head, &opening)?;
    if duration.is_some_and(|duration| want.start >= duration) {
        return Err(Error::nothing("the file ends before the span"));
    }
    let cues = cues::read(&mut window, &head).await?;
    let found = match indexed::find(&mut window, &head, &cues, &span).await? {
        Some(found) => found,
        None => unindexed::find(&mut window, &head, &span).await?,
    };
    let mut parts = vec![ClipPart::Generated(front(&head))];
    parts.extend(piece::parts(&mut window, found).await?);
    let micros = i128::from(opening.zero) * i128::from(head.scale) / 1000;
    Ok(ClipFile {
        parts,
        origin_micros: i64::try_from(micros).unwrap_or(0),
        duration,
        extension: if head.webm { "webm" } else { "mkv" },
        media: Media { tracks: tracks(&head, &opening) },
    })
}

/// Where the wanted clusters begin and end.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// The first byte that is needed.
    pub from: Edge,
    /// The first byte that is not needed any more.
    pub to: Edge,
}

fn span(want: &SpanSelection, head: &Head, opening: &Opening) -> Result<Span, Error> {
    let first = |kind: TrackKind, wanted: bool| {
        head.entries.iter().find(|entry| wanted && entry.track.kind == kind)
    };
    let picture = first(TrackKind::Video, want.video);
    let sound = first(TrackKind::Audio, want.audio);
    let leader = picture.or(sound).ok_or_else(|| Error::nothing("none of the wanted tracks"))?;
    if !(want.start.is_finite() && want.end > want.start) {
        return Err(Error::nothing("an empty span"));
    }
    let ticks = |nanos: u64| nanos / head.scale;
    let second = ticks(1_000_000_000).max(1);
    let of = |seconds: f64| opening.zero as f64 + seconds.max(0.0) * 1e9 / head.scale as f64;
    // Casts of floats saturate.
    let (start, end) = (of(want.start).max(0.0) as u64, of(want.end).ceil() as u64);
    let sounds = head.entries.iter().filter(|entry| entry.track.kind == TrackKind::Audio);
    let delay = ticks(sounds.map(|entry| entry.delay).max().unwrap_or(0));
    let positive = |ticks: i64| u64::try_from(ticks).unwrap_or(0);
    let (mut lead, mut late) = (0, 0);
    if sound.is_some() {
        // A packet is at most 120 ms; most are 20, and stand in order.
        let packet = ticks(30_000_000);
        lead = positive(opening.lead).saturating_sub(packet);
        late = positive(opening.lag).saturating_add(delay).saturating_add(packet);
    }
    if picture.is_some_and(reorders) {
        late = late.max(ticks(REORDERED * 1_000_000));
    }
    let most = 5 * second;
    Ok(Span {
        start,
        end: end.saturating_add(if sound.is_some() { delay } else { 0 }),
        leader: u64::from(leader.track.id),
        picture: picture.is_some(),
        reorders: picture.is_some_and(reorders),
        sound: picture.and(sound).map(|sound| u64::from(sound.track.id)),
        lead: lead.min(most),
        late: late.min(most),
        second,
    })
}

/// Whether frames may be shown in another order than they are decoded in.
fn reorders(entry: &Entry) -> bool {
    !matches!(entry.track.codec, Codec::Vp8 | Codec::Vp9 | Codec::Av1)
}

/// Everything before the first cluster: as it was, but without what tells
/// where things are and how long the whole is.
fn front(head: &Head) -> Vec<u8> {
    let mut made = head.ebml.to_vec();
    made.extend(header_of_any_size(ids::SEGMENT));
    let mut info = Vec::new();
    for (id, content) in children(&head.info).map_while(Result::ok) {
        if id != ids::DURATION && id != ids::CRC && id != ids::VOID {
            info.extend(element(id, content));
        }
    }
    made.extend(element(ids::INFO, &info));
    made.extend(element(ids::TRACKS, &head.tracks));
    made
}

fn tracks(head: &Head, opening: &Opening) -> Vec<crate::Track> {
    let mut tracks: Vec<_> = head.entries.iter().map(|entry| entry.track.clone()).collect();
    let first = tracks.iter().position(|track| track.kind == TrackKind::Video);
    for (index, track) in tracks.iter_mut().enumerate() {
        let frame = if Some(index) == first { opening.frame.as_slice() } else { &[] };
        settle(track, frame);
    }
    tracks
}
