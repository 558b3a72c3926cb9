//! Checks of a body that started with an open GOP and was rewritten to start with
//! an IDR. Inside the result, players and decoders can't start at the keyframes of
//! open GOPs, so the check writes files of its own that a decoder can start with.

use std::path::{Path, PathBuf};

use clipmill_core::probe::Container;
use clipmill_media::LocalFile;
use clipmill_media::mux::{OutSample, OutTrack, SampleData};

use super::job::{PreparedCut, SmartCutError};
use super::verify::{EncodedEnds, SplicedTimes};
use super::write::write_file;
use crate::context::PipelineContext;
use crate::ffmpeg::Input;

/// Frames that are compared: three times as many as H.264 can refer to.
const COMPARED_FRAMES: usize = 48;

/// The video of a result, before it is written.
#[derive(Clone, Copy)]
pub(super) struct JoinedVideo<'a> {
    pub prepared: &'a PreparedCut,
    /// Head, body and tail.
    pub track: &'a OutTrack,
    /// Where its samples are, the source first.
    pub files: &'a [&'a LocalFile],
    /// Where files for checks are written to.
    pub folder: &'a Path,
}

/// The same frames in two files: as the source has them, and as they were
/// rewritten behind the open GOP's keyframe. They must be decoded to the same bytes.
///
/// Frames come to depend on fewer and fewer frames of before the keyframe; once as
/// many are decoded as can be referred to at a time, nothing is left of them.
pub(super) struct RewriteCheck {
    source: PathBuf,
    rewritten: PathBuf,
    /// When the first of them is shown in the source's file, ticks.
    from: i64,
}

impl RewriteCheck {
    /// Writes both files; none when nothing was rewritten.
    pub fn write(joined: JoinedVideo<'_>) -> Result<Option<RewriteCheck>, SmartCutError> {
        let cut = &joined.prepared.cut;
        let samples = &joined.prepared.track.samples;
        let body = cut.plan.body.get(..COMPARED_FRAMES).unwrap_or(&cut.plan.body);
        let (Some(key), Some(last)) = (body.first(), body.last()) else { return Ok(None) };
        if !cut.rewrites_open_gop() {
            return Ok(None);
        }
        let before = samples.get(..*key).unwrap_or_default();
        let start = before.iter().rposition(|sample| sample.sync).unwrap_or(*key);
        let pts = |index: usize| samples.get(index).map_or(0, |sample| sample.pts);
        let zero = pts(start);
        let from_source = samples.get(start..=*last).unwrap_or_default().iter();
        let from_source = from_source.filter(|sample| sample.pts >= zero).map(|sample| OutSample {
            data: SampleData::Copied { file: 0, offset: sample.offset, size: sample.size },
            pts: sample.pts - zero,
            duration: sample.duration,
            sync: sample.sync,
        });
        let source = OutTrack {
            track: joined.prepared.track.without_samples(),
            start: 0,
            samples: from_source.collect(),
        };
        let copied = joined.track.samples.get(cut.plan.head.len()..).unwrap_or_default();
        let first = copied.first().map_or(0, |sample| sample.pts);
        let copied = copied.iter().take(body.len());
        let copied = copied.map(|sample| OutSample { pts: sample.pts - first, ..sample.clone() });
        let track = joined.track.track.clone();
        let rewritten = OutTrack { track, start: 0, samples: copied.collect() };
        let check = RewriteCheck {
            source: joined.folder.join("open-gop.mp4"),
            rewritten: joined.folder.join("rewritten-gop.mp4"),
            from: pts(*key) - zero,
        };
        write_file(Container::Mp4, &check.source, &[source], joined.files)?;
        write_file(Container::Mp4, &check.rewritten, &[rewritten], joined.files)?;
        Ok(Some(check))
    }

    /// Decodes both files and compares their frames.
    pub async fn verify(&self, context: &PipelineContext) -> Result<(), SmartCutError> {
        let source = Input::own_mp4(&self.source);
        let rewritten = Input::own_mp4(&self.rewritten);
        let (source, rewritten) = tokio::try_join!(
            context.tools.frame_hashes(&source),
            context.tools.frame_hashes(&rewritten)
        )?;
        let source = source.unwrap_or_default().into_iter();
        let source = source.filter(|frame| frame.pts >= self.from).map(|frame| frame.hash);
        let source: Vec<String> = source.collect();
        let rewritten = rewritten.unwrap_or_default().into_iter();
        let rewritten: Vec<String> = rewritten.map(|frame| frame.hash).collect();
        if rewritten.is_empty() || source != rewritten {
            let why = "frames of an open group would not be what they were";
            return Err(SmartCutError::unfit(why));
        }
        let frames = rewritten.len();
        tracing::debug!(frames, "the frames of a rewritten open GOP are those of the source");
        Ok(())
    }
}

/// The end of a result, from a keyframe on at which a decoder can't start inside
/// the result itself.
pub(super) struct TailCheck {
    pub path: PathBuf,
    pub times: SplicedTimes,
}

impl TailCheck {
    /// Writes the file; none when there is no tail, or when a decoder can start in
    /// the result before it.
    pub fn write(joined: JoinedVideo<'_>) -> Result<Option<TailCheck>, SmartCutError> {
        let plan = &joined.prepared.cut.plan;
        let source = &joined.prepared.track.samples;
        let is_key = |index: &usize| source.get(*index).is_some_and(|sample| sample.sync);
        let tail = plan.tail.len();
        let last_key = plan.body.iter().rposition(is_key).filter(|_| tail > 0);
        let Some(last_key) = last_key else { return Ok(None) };
        let samples = joined.track.samples.get(plan.head.len() + last_key..).unwrap_or_default();
        let Some(key) = samples.first().filter(|key| !key.sync) else { return Ok(None) };
        let first = key.pts;
        let samples = samples.iter().filter(|sample| sample.pts >= first);
        let samples = samples.map(|sample| OutSample {
            pts: sample.pts - first,
            sync: sample.sync || sample.pts == first,
            ..sample.clone()
        });
        let track = joined.track.track.clone();
        let end = OutTrack { track, start: 0, samples: samples.collect() };
        let times = SplicedTimes::new(&end, EncodedEnds { head: 0, tail });
        let path = joined.folder.join("tail-check.mp4");
        write_file(Container::Mp4, &path, &[end], joined.files)?;
        Ok(Some(TailCheck { path, times }))
    }
}
