//! Which tracks of a file are its picture and its sound, and what is known of
//! them without their samples.

use super::entry;
use super::moov::{Moov, Trak};
use super::times::LATEST;
use crate::{Error, Track, TrackKind};

/// A sample of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Raw {
    /// When it is decoded, ticks, before edits.
    pub dts: i64,
    /// First byte.
    pub offset: u64,
    /// How much later than decoded it is presented, ticks.
    pub cts: i32,
    /// How long it takes, ticks.
    pub delta: u32,
    /// Bytes.
    pub size: u32,
    /// Whether decoding can begin here.
    pub sync: bool,
}

/// The pictures and sounds of a file, in its order. Covers and the pictures
/// of chapters are left out, and so are pictures that are switched off when
/// there are others.
pub(crate) fn presented(moov: &Moov) -> Vec<(&Trak, TrackKind)> {
    let chapters = |id| moov.tracks.iter().any(|track| track.chapters.contains(&id));
    let found: Vec<_> = (moov.tracks.iter())
        .filter_map(|track| match &track.handler {
            b"vide" if !chapters(track.id) && !cover(track) => Some((track, TrackKind::Video)),
            b"soun" => Some((track, TrackKind::Audio)),
            _ => None,
        })
        .collect();
    let on = |(track, kind): &(&Trak, TrackKind)| *kind == TrackKind::Audio || track.enabled;
    let any_on = found.iter().any(|found| found.1 == TrackKind::Video && on(found));
    found.into_iter().filter(|found| !any_on || on(found)).collect()
}

/// Whether a track of pictures is a cover. A damaged one is none: that comes
/// out when it is used.
fn cover(track: &Trak) -> bool {
    track.tables.count == 1
        && entry::read(&track.stsd, 1, TrackKind::Video).is_ok_and(|entry| entry.still())
}

/// The picture and the sound that a span is made of: the first ones.
pub(crate) fn wanted(moov: &Moov, picture: bool, sound: bool) -> Vec<(&Trak, TrackKind)> {
    let all = presented(moov);
    let first = |kind| {
        let of = || all.iter().filter(move |found| found.1 == kind);
        of().find(|found| found.0.enabled).or(of().next()).copied()
    };
    let picture = picture.then(|| first(TrackKind::Video)).flatten();
    let sound = sound.then(|| first(TrackKind::Audio)).flatten();
    picture.into_iter().chain(sound).collect()
}

/// What is known of a track without its samples, which have this description.
pub(crate) fn describe(trak: &Trak, kind: TrackKind, description: u32) -> Result<Track, Error> {
    if trak.timescale == 0 {
        return Err(Error::damaged("a track has no time scale"));
    }
    if let Some(error) = &trak.tables.refused {
        return Err(error.clone());
    }
    let entry = entry::read(&trak.stsd, description, kind)?;
    let reference = usize::from(entry.reference).checked_sub(1);
    if reference.and_then(|at| trak.here.get(at)) == Some(&false) {
        return Err(Error::unsupported("the samples are in another file"));
    }
    Ok(Track {
        id: trak.id,
        kind,
        codec: entry.codec,
        config: entry.config,
        entry: Some(entry.whole),
        timescale: trak.timescale,
        language: trak.language,
        width: entry.width,
        height: entry.height,
        presented: if kind == TrackKind::Video { trak.presented } else { (0, 0) },
        matrix: trak.matrix,
        pixel_aspect: entry.pixel_aspect,
        sample_rate: entry.sample_rate,
        channels: entry.channels,
        samples: Vec::new(),
    })
}

/// Ticks as the nearest whole microseconds, as [`Track::micros`] does it.
pub(crate) fn micros(ticks: i64, timescale: u32) -> i64 {
    let scale = i128::from(timescale.max(1));
    let micros = (i128::from(ticks) * 1_000_000 + scale / 2).div_euclid(scale);
    i64::try_from(micros).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX })
}

/// Microseconds as whole ticks that are not later; within [`LATEST`].
pub(crate) fn ticks(micros: i64, timescale: u32) -> i64 {
    let ticks = (i128::from(micros) * i128::from(timescale)).div_euclid(1_000_000);
    i64::try_from(ticks).unwrap_or(if micros < 0 { -LATEST } else { LATEST }).clamp(-LATEST, LATEST)
}
