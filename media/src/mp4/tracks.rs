//! Which tracks of a file are its video and audio, and what is known of them
//! without their samples.

use super::moov::Moov;
use super::stsd::sample_entry;
use super::trak::Trak;
use crate::{MediaError, PresentedTicks, Track, TrackKind};

/// A track of video or audio.
#[derive(Clone, Copy)]
pub(crate) struct MediaTrak<'m> {
    /// As `moov` has it.
    pub trak: &'m Trak,
    /// What it is.
    pub kind: TrackKind,
}

/// The video and audio tracks of a file, in its order. Covers and the pictures
/// of chapters are left out, and so is video that is switched off when there is
/// other video.
pub(crate) fn media_tracks(moov: &Moov) -> Vec<MediaTrak<'_>> {
    let has_chapters = |id| moov.tracks.iter().any(|track| track.chapters.contains(&id));
    let kind_of = |trak: &Trak| match &trak.handler {
        b"vide" if !has_chapters(trak.id) && !is_cover(trak) => Some(TrackKind::Video),
        b"soun" => Some(TrackKind::Audio),
        _ => None,
    };
    let all = moov.tracks.iter();
    let mut found: Vec<_> =
        all.filter_map(|trak| Some(MediaTrak { trak, kind: kind_of(trak)? })).collect();
    let is_enabled_video =
        |track: &MediaTrak<'_>| track.kind == TrackKind::Video && track.trak.is_enabled;
    if found.iter().any(is_enabled_video) {
        found.retain(|track| track.kind == TrackKind::Audio || track.trak.is_enabled);
    }
    found
}

/// Whether a video track is a cover. A damaged one is none: reading it reports
/// the damage.
fn is_cover(trak: &Trak) -> bool {
    let entry = || sample_entry(&trak.stsd, 1, TrackKind::Video);
    trak.tables.sample_count == 1 && entry().is_ok_and(|entry| entry.is_still())
}

/// The tracks that a span is made of: the first enabled one of each kind that is
/// wanted, or the first one.
pub(crate) fn span_tracks(moov: &Moov, video: bool, audio: bool) -> Vec<MediaTrak<'_>> {
    let all = media_tracks(moov);
    let first = |kind| {
        let of_kind = || all.iter().filter(move |track| track.kind == kind);
        of_kind().find(|track| track.trak.is_enabled).or(of_kind().next()).copied()
    };
    let video = video.then(|| first(TrackKind::Video)).flatten();
    let audio = audio.then(|| first(TrackKind::Audio)).flatten();
    video.into_iter().chain(audio).collect()
}

impl MediaTrak<'_> {
    /// What is known of the track without its samples, which have this sample
    /// description.
    ///
    /// # Errors
    /// The track is damaged, encrypted, in another file, or has tables that are
    /// unsupported.
    pub fn describe(&self, description: u32) -> Result<Track, MediaError> {
        let MediaTrak { trak, kind } = *self;
        let Some(timescale) = trak.timescale else {
            return Err(MediaError::damaged("a track has no time scale"));
        };
        if let Some(error) = &trak.tables.refused {
            return Err(error.clone());
        }
        let entry = sample_entry(&trak.stsd, description, kind)?;
        let reference = usize::from(entry.data_reference).checked_sub(1);
        if reference.and_then(|which| trak.self_contained.get(which)) == Some(&false) {
            return Err(MediaError::unsupported("the samples are in another file"));
        }
        Ok(Track {
            id: trak.id,
            kind,
            codec: entry.codec,
            config: entry.config,
            entry: Some(entry.whole),
            timescale,
            language: trak.language,
            width: entry.width,
            height: entry.height,
            presented: if kind == TrackKind::Video { trak.presented } else { (0, 0) },
            matrix: trak.matrix,
            pixel_aspect: entry.pixel_aspect,
            sample_rate: entry.sample_rate,
            channels: entry.channels,
            edit: PresentedTicks::ALL,
            samples: Vec::new(),
        })
    }
}
