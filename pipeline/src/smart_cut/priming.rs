//! Drops the packets that only prime an audio decoder (encoder delay). They are
//! presented before the start, and where edit lists are not followed they would
//! delay all that comes after them.

use std::path::Path;

use clipmill_core::probe::Container;
use clipmill_media::mux::{OutSample, OutTrack, SampleData};
use clipmill_media::{Sample, Track};

use super::job::SmartCutError;
use super::write::{run_blocking, write_file};
use crate::ffmpeg::Input;
use crate::index::SampleIndex;

/// Rewrites an MP4 that an encoder made of a clip, if its audio has such packets.
/// The file stays as it is where that can't be done.
pub(crate) async fn drop_priming(path: &Path) {
    match rewrite(path).await {
        Ok(()) | Err(SmartCutError::NothingToCopy) => {}
        Err(SmartCutError::Unfit(why)) => tracing::debug!(why, "the audio keeps its priming"),
        Err(SmartCutError::Failed(error)) => {
            tracing::warn!(error = %error.chain(), "the audio keeps its priming");
        }
    }
}

async fn rewrite(path: &Path) -> Result<(), SmartCutError> {
    let input = Input::file(path).await?;
    let Some(index) = SampleIndex::read(&input, path).await else { return Ok(()) };
    if !index.media.audio_tracks().any(has_priming) {
        return Ok(());
    }
    let tracks = index.media.tracks.iter().map(|track| without_priming(track, 0));
    let tracks: Vec<OutTrack> = tracks.collect();
    let (draft, path) = (path.with_extension("finished"), path.to_path_buf());
    run_blocking(move |_| {
        write_file(Container::Mp4, &draft, &tracks, &[&index.file])?;
        Ok(std::fs::rename(&draft, &path)?)
    })
    .await
}

fn has_priming(track: &Track) -> bool {
    track.samples.first().is_some_and(|sample| !is_presented(sample))
}

fn is_presented(sample: &Sample) -> bool {
    sample.pts.saturating_add(i64::from(sample.duration)) > 0
}

/// A whole track out of the file of this number, but for the samples that end
/// before the start.
pub(super) fn without_priming(track: &Track, file: usize) -> OutTrack {
    let kept: Vec<&Sample> = track.samples.iter().filter(|sample| is_presented(sample)).collect();
    let start = kept.iter().map(|sample| sample.pts).min().unwrap_or(0);
    let samples = kept.iter().map(|sample| OutSample {
        data: SampleData::Copied { file, offset: sample.offset, size: sample.size },
        pts: sample.pts - start,
        duration: sample.duration,
        sync: sample.sync,
    });
    OutTrack { track: track.without_samples(), start, samples: samples.collect() }
}
