//! Which bytes of a file a span needs: the elements before the clusters, made
//! anew, and a range of clusters.
//!
//! ```text
//! span (seconds) -> WantedBlocks (ticks) -> BlockRange        -> ClipFile
//!                   with Interleaving       by_cues, or          cluster_parts
//!                                           without_cues
//! ```

mod by_cues;
mod cluster_parts;
mod cluster_search;
mod interleaving;
mod span;
mod without_cues;

use clipmill_core::Timescale;

use self::cluster_parts::cluster_parts;
use self::interleaving::{Interleaving, read_interleaving};
use self::span::WantedBlocks;
use super::buffered_file::BufferedFile;
use super::codec_config::complete_codec_config;
use super::cues::read_cues;
use super::ebml::children;
use super::ids;
use super::segment_head::{SegmentHead, read_segment_head};
use super::track_entry::TrackEntry;
use super::write::ebml::{element, header_of_unknown_size};
use crate::clip_file::{ClipFile, ClipPart, SpanSelection};
use crate::{CodecId, Media, MediaError, ReadAt, Track, TrackKind};

/// Bytes that are read at once where a few are needed.
const READ_AHEAD: usize = 4096;
/// Most milliseconds by which a frame is stored behind a keyframe that is
/// presented after it.
const REORDERING_DELAY_MS: u64 = 700;
/// Nanoseconds of an audio packet: at most 120 ms, but most are 20 ms long, and
/// stored in order.
const AUDIO_PACKET_NANOS: u64 = 30_000_000;
/// Most seconds of the pre-roll and of the reordering delay.
const MOST_SECONDS: u64 = 5;

/// Which bytes of a file a span needs.
///
/// Few bytes are read: the start of the file, its index, and some headers of
/// blocks around the span. Without an index, clusters are searched for.
///
/// # Errors
/// Those of the file; when it contradicts itself, has nothing within the span
/// or of the wanted tracks, or when a track is encrypted or compressed once more.
pub async fn locate(file: &dyn ReadAt, selection: &SpanSelection) -> Result<ClipFile, MediaError> {
    let mut file = BufferedFile::open(file, READ_AHEAD).await?;
    let head = read_segment_head(&mut file).await?;
    let interleaving = read_interleaving(&mut file, &head).await?;
    let seconds = head.scale as f64 / 1e9;
    let duration = head.duration.map(|ticks| (ticks - interleaving.start as f64) * seconds);
    let duration = duration.filter(|duration| *duration > 0.0);
    let wanted = wanted_blocks(selection, &head, &interleaving)?;
    if duration.is_some_and(|duration| selection.start >= duration) {
        return Err(MediaError::nothing("the file ends before the span"));
    }
    let cues = read_cues(&mut file, &head).await?;
    let range = match by_cues::find_blocks(&mut file, &head, &cues, &wanted).await? {
        Some(range) => range,
        None => without_cues::find_blocks(&mut file, &head, &wanted).await?,
    };
    let mut parts = vec![ClipPart::Generated(clip_head(&head))];
    parts.extend(cluster_parts(&mut file, range).await?);
    // At most 10^9, so the cast is exact.
    let nanos = interleaving.start.checked_mul(head.scale as i64).unwrap_or(0);
    Ok(ClipFile {
        parts,
        origin_micros: Timescale::NANOS.micros_floor(nanos),
        presented_micros: i64::MIN..i64::MAX,
        duration,
        extension: if head.webm { "webm" } else { "mkv" },
        media: Media { tracks: described_tracks(&head, &interleaving) },
    })
}

/// The wanted blocks, by the span and by how the file is interleaved.
fn wanted_blocks(
    selection: &SpanSelection,
    head: &SegmentHead,
    interleaving: &Interleaving,
) -> Result<WantedBlocks, MediaError> {
    let first = |kind: TrackKind, wanted: bool| {
        head.entries.iter().find(|entry| wanted && entry.track.kind == kind)
    };
    let video = first(TrackKind::Video, selection.video);
    let audio = first(TrackKind::Audio, selection.audio);
    let reference =
        video.or(audio).ok_or_else(|| MediaError::nothing("none of the wanted tracks"))?;
    if !(selection.start.is_finite() && selection.end > selection.start) {
        return Err(MediaError::nothing("an empty span"));
    }
    let ticks = |nanos: u64| nanos / head.scale;
    let ticks_per_second = ticks(1_000_000_000).max(1);
    let in_ticks =
        |seconds: f64| interleaving.start as f64 + seconds.max(0.0) * 1e9 / head.scale as f64;
    // Casts of floats saturate.
    let start = in_ticks(selection.start).max(0.0) as u64;
    let end = in_ticks(selection.end).ceil() as u64;
    let audio_entries = head.entries.iter().filter(|entry| entry.track.kind == TrackKind::Audio);
    let codec_delay = ticks(audio_entries.map(|entry| entry.codec_delay).max().unwrap_or(0));
    let positive = |ticks: i64| u64::try_from(ticks).unwrap_or(0);
    let (mut preroll, mut reordering_delay) = (0, 0);
    if audio.is_some() {
        let packet = ticks(AUDIO_PACKET_NANOS);
        preroll = positive(interleaving.audio_ahead).saturating_sub(packet);
        reordering_delay =
            positive(interleaving.audio_behind).saturating_add(codec_delay).saturating_add(packet);
    }
    let reordered = video.is_some_and(may_be_reordered);
    if reordered {
        reordering_delay = reordering_delay.max(ticks(REORDERING_DELAY_MS * 1_000_000));
    }
    let most = MOST_SECONDS * ticks_per_second;
    Ok(WantedBlocks {
        start,
        end: end.saturating_add(if audio.is_some() { codec_delay } else { 0 }),
        reference_track: u64::from(reference.track.id),
        has_video: video.is_some(),
        reordered,
        audio_track: video.and(audio).map(|audio| u64::from(audio.track.id)),
        preroll: preroll.min(most),
        reordering_delay: reordering_delay.min(most),
        ticks_per_second,
    })
}

/// Whether frames may be presented in another order than they are decoded in.
fn may_be_reordered(entry: &TrackEntry) -> bool {
    !matches!(entry.track.codec, CodecId::Vp8 | CodecId::Vp9 | CodecId::Av1)
}

/// Everything before the first cluster: as it was, but without positions and
/// without the duration of the whole.
fn clip_head(head: &SegmentHead) -> Vec<u8> {
    let mut made = head.ebml.to_vec();
    made.extend(header_of_unknown_size(ids::SEGMENT));
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

fn described_tracks(head: &SegmentHead, interleaving: &Interleaving) -> Vec<Track> {
    let mut tracks: Vec<_> = head.entries.iter().map(|entry| entry.track.clone()).collect();
    let first = tracks.iter().position(|track| track.kind == TrackKind::Video);
    for (index, track) in tracks.iter_mut().enumerate() {
        let keyframe = if Some(index) == first { interleaving.keyframe.as_slice() } else { &[] };
        complete_codec_config(track, keyframe);
    }
    tracks
}
