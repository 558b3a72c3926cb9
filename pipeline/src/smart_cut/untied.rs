//! Files for a look at what was open groups: players can't begin to decode at
//! their keyframes, and neither can who looks at the result.

use std::path::{Path, PathBuf};

use clipmill_core::probe::Container;
use clipmill_media::mux::{OutSample, OutTrack, SampleData};
use clipmill_media::smart_cut::SmartCut;
use clipmill_media::{LocalFile, Track};

use super::{Picture, Trouble, put};
use crate::context::PipelineContext;
use crate::ffmpeg::Input;

/// Frames that are compared: three times as many as H.264 can refer to.
const FRAMES: usize = 48;

/// The same frames in two files: those behind a keyframe, whose headers were
/// changed, and what they are in the source.
///
/// Frames come to depend on fewer and fewer frames of before the keyframe; when
/// as many are decoded as can be referred to at a time, nothing is left of them.
pub(super) struct Proof {
    source: PathBuf,
    made: PathBuf,
    /// When the first of them is shown in the source's, ticks.
    from: i64,
}

/// Writes both files, where headers were changed: one as the source is, from a
/// keyframe before, the other as the result is.
pub(super) fn proof(
    cut: &SmartCut,
    track: &Track,
    picture: &OutTrack,
    files: &[&LocalFile],
    folder: &Path,
) -> Result<Option<Proof>, Trouble> {
    let body = cut.plan.body.get(..FRAMES).unwrap_or(&cut.plan.body);
    let (Some(key), Some(last)) = (body.first(), body.last()) else { return Ok(None) };
    if !cut.rewrites_open_gop() {
        return Ok(None);
    }
    let before = track.samples.get(..*key).unwrap_or_default();
    let begin = before.iter().rposition(|sample| sample.sync).unwrap_or(*key);
    let samples = track.samples.get(begin..=*last).unwrap_or_default();
    let pts = |index: usize| track.samples.get(index).map_or(0, |sample| sample.pts);
    let zero = pts(begin);
    let samples = samples.iter().filter(|sample| sample.pts >= zero).map(|sample| OutSample {
        data: SampleData::Copied { file: 0, offset: sample.offset, size: sample.size },
        pts: sample.pts - zero,
        duration: sample.duration,
        sync: sample.sync,
    });
    let source = OutTrack { track: track.without_samples(), start: 0, samples: samples.collect() };
    let copied = picture.samples.get(cut.plan.head.len()..).unwrap_or_default();
    let first = copied.first().map_or(0, |sample| sample.pts);
    let samples = copied.iter().take(body.len());
    let samples = samples.map(|sample| OutSample { pts: sample.pts - first, ..sample.clone() });
    let made = OutTrack { track: picture.track.clone(), start: 0, samples: samples.collect() };
    let path = |name: &str| folder.join(format!("{name}.mp4"));
    let proof = Proof { source: path("tied"), made: path("untied"), from: pts(*key) - zero };
    put(Container::Mp4, &proof.source, &[source], files)?;
    put(Container::Mp4, &proof.made, &[made], files)?;
    Ok(Some(proof))
}

/// The end of the result.
pub(super) struct Ending {
    pub path: PathBuf,
    pub picture: Picture,
}

/// Writes the end of the result from a keyframe on at which it can't be begun to
/// decode in the result itself; none when there is a better one.
pub(super) fn ending(
    cut: &SmartCut,
    track: &Track,
    picture: &OutTrack,
    files: &[&LocalFile],
    folder: &Path,
) -> Result<Option<Ending>, Trouble> {
    let (body, head, tail) = (&cut.plan.body, cut.plan.head.len(), cut.plan.tail.len());
    let is_key = |index: &usize| track.samples.get(*index).is_some_and(|sample| sample.sync);
    let Some(place) = body.iter().rposition(is_key).filter(|_| tail > 0) else { return Ok(None) };
    let samples = picture.samples.get(head + place..).unwrap_or_default();
    let Some(key) = samples.first().filter(|key| !key.sync) else { return Ok(None) };
    let first = key.pts;
    let samples = samples.iter().filter(|sample| sample.pts >= first);
    let samples = samples.map(|sample| OutSample {
        pts: sample.pts - first,
        sync: sample.sync || sample.pts == first,
        ..sample.clone()
    });
    let end = OutTrack { track: picture.track.clone(), start: 0, samples: samples.collect() };
    let picture = Picture::of(&end, (0, tail));
    let path = folder.join("ending.mp4");
    put(Container::Mp4, &path, &[end], files)?;
    Ok(Some(Ending { path, picture }))
}

impl Proof {
    /// Decodes both files and compares their pictures.
    pub async fn check(&self, context: &PipelineContext) -> Result<(), Trouble> {
        let (source, made) = (Input::own_mp4(&self.source), Input::own_mp4(&self.made));
        let (source, made) =
            tokio::try_join!(context.tools.pictures(&source), context.tools.pictures(&made))?;
        let source = source.unwrap_or_default().into_iter();
        let source = source.filter(|picture| picture.pts >= self.from).map(|picture| picture.sum);
        let made = made.unwrap_or_default().into_iter().map(|picture| picture.sum);
        let (source, made): (Vec<_>, Vec<_>) = (source.collect(), made.collect());
        if made.is_empty() || source != made {
            let why = "frames of an open group would not be what they were";
            return Err(Trouble::Unfit(why.to_owned()));
        }
        tracing::debug!(
            frames = made.len(),
            "an open group is closed, and its frames are the same"
        );
        Ok(())
    }
}
