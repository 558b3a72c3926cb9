//! The audio packets of a span.

use crate::mux::{OutSample, OutTrack, SampleData};
use crate::{MediaError, Sample, Track, TrackKind};

/// The packets between two times of the file's own clock in microseconds (the
/// start of the first video frame and the end of the last one), copied from file
/// number `file`.
///
/// The first packet is the one nearest to the start, at most half a packet before
/// or after it; the track's start says exactly how much. Audio that starts later
/// than the video keeps its delay. The end is chosen likewise. Gaps between
/// packets stay.
///
/// # Errors
/// `Nothing` when no packet is within the span, `Unsupported` when timestamps
/// don't increase.
pub fn cut_audio(
    track: &Track,
    start_micros: i64,
    end_micros: i64,
    file: usize,
) -> Result<OutTrack, MediaError> {
    if track.kind != TrackKind::Audio {
        return Err(MediaError::unsupported("a track that isn't audio"));
    }
    let (start, end) = (track.timescale.ticks(start_micros), track.timescale.ticks(end_micros));
    // Twice the ticks from a packet's start to a time: at most its duration when the
    // time is in the packet's first half.
    let before = |time: i64, packet: &Sample| 2 * (i128::from(time) - i128::from(packet.pts));
    let first = track
        .samples
        .iter()
        .position(|packet| before(start, packet) <= i128::from(packet.duration));
    let packets = first.and_then(|first| track.samples.get(first..)).unwrap_or_default();
    let count = packets
        .iter()
        .position(|packet| before(end, packet) <= i128::from(packet.duration))
        .unwrap_or(packets.len());
    // A span shorter than a packet still gets the one that it starts in.
    let short = packets.first().is_some_and(|packet| packet.pts < end);
    let packets = packets.get(..count.max(usize::from(short))).unwrap_or_default();
    let Some(first) = packets.first() else {
        return Err(MediaError::nothing("no audio is within the span"));
    };

    let nexts = packets.iter().skip(1).map(|packet| Some(packet.pts)).chain([None]);
    let samples = packets.iter().zip(nexts).map(|(packet, next)| {
        let duration = match next.map(|next| next.checked_sub(packet.pts)) {
            Some(ticks) => ticks.and_then(|ticks| u32::try_from(ticks).ok()).filter(|it| *it > 0),
            None => Some(packet.duration.max(1)),
        };
        let duration = duration
            .ok_or_else(|| MediaError::unsupported("timestamps of audio packets don't increase"))?;
        let data = SampleData::Copied { file, offset: packet.offset, size: packet.size };
        Ok(OutSample { data, pts: packet.pts - first.pts, duration, sync: packet.sync })
    });
    let samples = samples.collect::<Result<_, MediaError>>()?;
    let start = first.pts.saturating_sub(start);
    Ok(OutTrack { track: track.without_samples(), start, samples })
}
