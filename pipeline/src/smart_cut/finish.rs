//! The last touch on an MP4 that an encoder made of a clip: its sound begins
//! with the picture also where edit lists are not followed.

use std::path::Path;

use clipmill_core::probe::Container;
use clipmill_media::mux::{OutSample, OutTrack, SampleData};
use clipmill_media::{Sample, Track};

use super::{Trouble, blocking, put};
use crate::ffmpeg::Input;
use crate::index::SampleIndex;

/// Leaves out the packets that only prime a sound's decoder, if there are any.
/// They are heard before the beginning, and where edit lists are not followed
/// they would delay all that comes after them.
pub(crate) async fn finish(path: &Path) {
    match tidy(path).await {
        Ok(()) => {}
        Err(Trouble::Unfit(why)) => tracing::info!(why, "the sound keeps its priming"),
        Err(Trouble::Failed(error)) => tracing::warn!(%error, "the sound keeps its priming"),
        Err(Trouble::Short) => {}
    }
}

async fn tidy(path: &Path) -> Result<(), Trouble> {
    let input = Input::file(path).await?;
    let Some(index) = SampleIndex::read(&input, path).await else { return Ok(()) };
    if index.media.audio_tracks().all(|sound| !primes(sound)) {
        return Ok(());
    }
    let tracks: Vec<OutTrack> =
        index.media.tracks.iter().map(|track| from_its_start(track, 0)).collect();
    let (draft, path) = (path.with_extension("finished"), path.to_path_buf());
    blocking(move |_| {
        put(Container::Mp4, &draft, &tracks, &[&index.file])?;
        Ok(std::fs::rename(&draft, &path)?)
    })
    .await
}

fn primes(track: &Track) -> bool {
    track.samples.first().is_some_and(|sample| !is_presented(sample))
}

fn is_presented(sample: &Sample) -> bool {
    sample.pts.saturating_add(i64::from(sample.duration)) > 0
}

/// A whole track out of the file of this place, but for the packets that are
/// over before the beginning.
pub(super) fn from_its_start(track: &Track, file: usize) -> OutTrack {
    let kept: Vec<&Sample> = track.samples.iter().filter(|sample| is_presented(sample)).collect();
    let start = kept.iter().map(|sample| sample.pts).min().unwrap_or(0);
    let samples = kept.iter().map(|sample| OutSample {
        data: SampleData::Copied { file, offset: sample.offset, size: sample.size },
        pts: sample.pts - start,
        duration: sample.duration,
        sync: sample.sync,
    });
    let samples = samples.collect();
    OutTrack { track: Track { samples: Vec::new(), ..track.clone() }, start, samples }
}
