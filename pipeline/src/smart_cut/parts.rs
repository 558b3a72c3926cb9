//! Encoding the frames before and after those that are copied.

use clipmill_core::probe::Container;
use clipmill_media::mux::SampleData;
use clipmill_media::smart_cut::{CutEnd, FileTrack, SmartCut};
use clipmill_media::{LocalFile, Media, Track};

use super::lead::{Lead, lead};
use super::{Job, Trouble, blocking, put};
use crate::context::PipelineContext;
use crate::ffmpeg::{self, Expected, Input, SeamPart};
use crate::index::SampleIndex;
use crate::stages::PartEncode;

/// The encoded parts.
pub(super) struct Parts {
    pub head: Option<Part>,
    pub tail: Option<Part>,
}

/// An encoded part.
pub(super) struct Part {
    pub file: LocalFile,
    track: Track,
}

impl Part {
    /// The part as it is joined.
    pub fn file_track(&self) -> FileTrack<'_> {
        FileTrack { file: &self.file, track: &self.track }
    }
}

/// Encodes both parts at the same time.
pub(super) async fn encode(
    context: &PipelineContext,
    job: &Job<'_>,
    track: &Track,
    cut: &SmartCut,
) -> Result<Parts, Trouble> {
    let part = |end| part(context, job, track, cut, end);
    let (head, tail) = tokio::try_join!(part(CutEnd::Head), part(CutEnd::Tail))?;
    Ok(Parts { head, tail })
}

async fn part(
    context: &PipelineContext,
    job: &Job<'_>,
    track: &Track,
    cut: &SmartCut,
    end: CutEnd,
) -> Result<Option<Part>, Trouble> {
    let Some(order) = plan_part(context, job, track, cut, end)? else { return Ok(None) };
    let ahead = match (&job.fetched.early_head, end) {
        // Both would write the same file.
        (Some(ahead), CutEnd::Head) => ahead.result().await.flatten(),
        _ => None,
    };
    if ahead.as_ref() == Some(&order) {
        tracing::info!("the head is there already");
    } else {
        run_part(&order, context, &job.index.file).await?;
    }
    let encoded = Input::file(&order.output).await?;
    let read = SampleIndex::read(&encoded, &order.output).await;
    let (file, media) = read.map(|index| (index.file, index.media)).ok_or_else(broken)?;
    let track = Media::video_track(&media).cloned().ok_or_else(broken)?;
    Ok(Some(Part { file, track }))
}

/// Encodes the head of a cut of which only the bytes before `here` are there.
/// What the frames to be copied need is looked up in the first one alone, so
/// that it is another order when a later one says otherwise.
pub(super) async fn ahead(
    context: &PipelineContext,
    job: &Job<'_>,
    track: &Track,
    cut: &SmartCut,
    here: u64,
) -> Result<Option<PartEncode>, Trouble> {
    let order = plan_part(context, job, track, cut, CutEnd::Head)?;
    let Some(order) = order.filter(|order| is_within(order, here)) else { return Ok(None) };
    run_part(&order, context, &job.index.file).await?;
    Ok(Some(order))
}

/// The encode of a part; none when there is no such part.
fn plan_part(
    context: &PipelineContext,
    job: &Job<'_>,
    track: &Track,
    cut: &SmartCut,
    end: CutEnd,
) -> Result<Option<PartEncode>, Trouble> {
    let (name, frames) = match end {
        CutEnd::Head => ("head", &cut.plan.head),
        CutEnd::Tail => ("tail", &cut.plan.tail),
    };
    let pts = |index: &usize| track.samples.get(*index).map(|sample| sample.pts);
    let (Some(first), Some(last)) = (frames.first().and_then(pts), frames.last().and_then(pts))
    else {
        return Ok(None);
    };
    let Lead { track: preroll, zero } = lead(track, frames)?;
    let folder = &job.fetched.folder;
    let input = folder.join(format!("{name}-lead.mp4"));
    let output = folder.join(format!("{name}.mp4"));
    let args = ffmpeg::seam(&SeamPart {
        constraints: &cut.constraints,
        end,
        input: &Input::own_mp4(&input),
        from: first - zero,
        to: Some(last + 1 - zero),
        frames: frames.len(),
        interlaced: job.fetched.media.video_stream()?.interlaced,
        threads: context.settings.ffmpeg_threads,
        output: &output,
    });
    Ok(Some(PartEncode { preroll, input, args, output }))
}

/// Whether all that the encode needs of the source is before this offset.
fn is_within(encode: &PartEncode, here: u64) -> bool {
    encode.preroll.samples.iter().all(|sample| match &sample.data {
        SampleData::Copied { offset, size, .. } => offset.saturating_add((*size).into()) <= here,
        SampleData::Generated(_) | SampleData::Chain(_) => true,
    })
}

/// Encodes a part.
async fn run_part(
    encode: &PartEncode,
    context: &PipelineContext,
    source: &LocalFile,
) -> Result<(), Trouble> {
    let (source, path, preroll) = (source.clone(), encode.input.clone(), encode.preroll.clone());
    blocking(move |_| put(Container::Mp4, &path, &[preroll], &[&source])).await?;
    let bounds = context.bounds(None);
    context.tools.run(encode.args.clone(), bounds, Expected::default(), |_| {}).await?;
    Ok(())
}

fn broken() -> Trouble {
    Trouble::Unfit("the encoder made a part that can't be read".to_owned())
}
