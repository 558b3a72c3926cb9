//! What the frames of a joined file tell: whether they are all there.

use clipmill_core::Error;

use crate::context::PipelineContext;
use crate::ffmpeg::{Input, no_video};
use crate::index::{self, SampleIndex};
use crate::local_media::MediaFile;

/// Times of a file's frames, microseconds of its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// The first one at which decoding can begin.
    pub first_key: Option<i64>,
    /// The last one.
    pub last: i64,
    /// The least time from one to the next.
    pub gap: i64,
}

/// Looks at the frames of a file.
pub(super) async fn held(context: &PipelineContext, file: &MediaFile) -> Result<Held, Error> {
    let nothing = || no_video("stream");
    let video = file.probe.video.as_ref().ok_or_else(nothing)?;
    let input = Input::file(&file.path).await?;
    let known = SampleIndex::read(&input, &file.path).await;
    let known = known.as_ref().and_then(|index| index.video_track(file));
    let frames = match known.and_then(|track| index::frames(track, video)) {
        Some(frames) => frames,
        None => context.tools.frames(&input, video, context.settings.stage_deadline).await?,
    };
    let times: Vec<i64> = frames.list.iter().map(|frame| frames.micros(frame.pts)).collect();
    let last = times.last().copied().ok_or_else(nothing)?;
    let gaps = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
    let key = frames.list.iter().find(|frame| frame.key);
    let first_key = key.map(|key| frames.micros(key.pts));
    Ok(Held { first_key, last, gap: gaps.min().unwrap_or(0) })
}
