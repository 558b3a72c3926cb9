//! The transcode stage: which of the ways to a result is taken, and what happens
//! when one fails.
//!
//! 1. Whole files that are to be clips, and whose video fits: a stream copy.
//! 2. Spans whose video fits: a smart cut.
//! 3. Everything else, and what can't be cut that way: ffmpeg re-encodes, by
//!    hardware or in software, or a codec encodes raw frames.
//!
//! Each way verifies its result. Where the cut is not exact, the third one is tried
//! again by the decoder's own list of frames.

use clipmill_core::probe::Container;
use clipmill_core::{Code, Error};
use clipmill_plugins::EncodePlan;

use crate::context::PipelineContext;
use crate::ffmpeg::FrameSource;
use crate::index::SampleIndex;
use crate::progress::ProgressReporter;
use crate::recipe::{self, ClipTarget, FrameRecipe, Recipe};
use crate::request::Rendition;
use crate::size_limit::{SourceSize, join_notes};
use crate::smart_cut::{self, SmartCutJob, SmartCutOutcome};
use crate::stages::{Encoded, ExactFrames, Fetched, PartEncode, Trimmed};
use crate::transcode_job::{TranscodeInputs, TranscodeJob};
use crate::{encode, frames, stream_copy, trim, workspace};

/// Produces the result.
pub(crate) async fn transcode(
    context: &PipelineContext,
    trimmed: Trimmed,
    progress: &ProgressReporter,
) -> Result<Encoded, Error> {
    let Trimmed { fetched, exact, index, mut note } = trimmed;
    progress.encoding(0.0, None, None, None);
    workspace::prepare(&fetched.folder).await?;
    let inputs = TranscodeInputs::open(&fetched).await?;
    note = join_notes(note, inputs.note.clone());
    let job = TranscodeJob { context, fetched: &fetched, inputs, progress };
    let (source, video) = (job.source(), job.video()?);
    workspace::room_for(&fetched.folder, source.size)?;
    if exact.is_none()
        && let Some(container) = fitting_container(context, &fetched)?
    {
        let copied = stream_copy::copy_video(&job, container).await?;
        return Ok(Encoded { note, ..copied });
    }
    let recipe = recipe::recipe(context, &fetched.rendition, source, video).await?;
    if let Some(cut) = smart_cut_plan(context, &fetched, exact, &recipe)? {
        match try_smart_cut(&job, index.as_ref(), cut).await? {
            SmartCutOutcome::Encoded(encoded) => {
                progress.encoding(100.0, None, None, None);
                return Ok(Encoded { note, ..*encoded });
            }
            SmartCutOutcome::NothingToCopy => {
                tracing::debug!("the span has no keyframe, so all of it is re-encoded");
            }
            SmartCutOutcome::Unfit(why) => {
                tracing::debug!(why, "no smart cut: all of the span is re-encoded");
                let reason = format!("all of it was encoded anew, because {why}");
                note = join_notes(note, Some(reason));
            }
        }
    }
    let encoded = match reencode(&job, &recipe, exact).await {
        // The list of packets and the decoder may disagree, as with damaged files;
        // then the decoder's own list decides.
        Err(error) if error.code == Code::CutMismatch => {
            tracing::debug!("the cut is repeated by the decoder's own list of frames");
            let exact = trim::exact_frames(context, &fetched, FrameSource::Decoder).await?;
            reencode(&job, &recipe, Some(exact)).await?
        }
        first => first?,
    };
    Ok(Encoded { note: join_notes(note, encoded.note.clone()), ..encoded })
}

/// Early start: encodes the head of a clip of which only the bytes before `here`
/// are there; none when there is none, or when it can't be planned yet.
///
/// # Errors
/// When it can't be encoded.
pub(crate) async fn encode_head(
    context: &PipelineContext,
    trimmed: Trimmed,
    here: u64,
) -> Result<Option<PartEncode>, Error> {
    let Trimmed { fetched, exact, index, .. } = trimmed;
    let source = &fetched.media.video.probe;
    let video = fetched.media.video_stream()?;
    let recipe = recipe::recipe(context, &fetched.rendition, source, video).await?;
    let cut = smart_cut_plan(context, &fetched, exact, &recipe)?;
    let Some((SmartCutPlan { exact, plan }, index)) = cut.zip(index.as_ref()) else {
        return Ok(None);
    };
    let inputs = &TranscodeInputs::open(&fetched).await?;
    let job = SmartCutJob { context, fetched: &fetched, inputs, index, exact, plan };
    smart_cut::encode_head_early(&job, here).await
}

/// What a clip becomes; none for an encode.
fn clip_target(context: &PipelineContext, fetched: &Fetched) -> Result<Option<ClipTarget>, Error> {
    let Rendition::Clip { format, .. } = &fetched.rendition else { return Ok(None) };
    let container = fetched.media.video.probe.container;
    let high = context.settings.high_resolution_mp4;
    let video = fetched.media.video_stream()?;
    Ok(Some(recipe::clip_target(*format, container, video, high)))
}

/// The container of a clip whose video is already what it becomes.
fn fitting_container(
    context: &PipelineContext,
    fetched: &Fetched,
) -> Result<Option<Container>, Error> {
    let target = clip_target(context, fetched)?;
    let video = fetched.media.video_stream()?;
    Ok(target.filter(|it| recipe::video_fits(*it, video)).map(|it| it.container))
}

/// The frames of a smart cut, and how those are encoded that can't be copied.
struct SmartCutPlan<'a> {
    exact: ExactFrames,
    plan: &'a EncodePlan,
}

/// None when all of the span has to be re-encoded.
fn smart_cut_plan<'a>(
    context: &PipelineContext,
    fetched: &Fetched,
    exact: Option<ExactFrames>,
    recipe: &'a Recipe,
) -> Result<Option<SmartCutPlan<'a>>, Error> {
    let (Some(exact), Recipe::Ffmpeg(recipe)) = (exact, recipe) else { return Ok(None) };
    let fits = fitting_container(context, fetched)?.is_some();
    Ok(fits.then_some(SmartCutPlan { exact, plan: &recipe.plan }))
}

async fn try_smart_cut(
    job: &TranscodeJob<'_>,
    index: Option<&SampleIndex>,
    cut: SmartCutPlan<'_>,
) -> Result<SmartCutOutcome, Error> {
    let Some(index) = index else {
        let why = "its file has no index that can be read here";
        return Ok(SmartCutOutcome::Unfit(why.to_owned()));
    };
    let SmartCutPlan { exact, plan } = cut;
    let (context, fetched, inputs) = (job.context, job.fetched, &job.inputs);
    smart_cut::smart_cut(&SmartCutJob { context, fetched, inputs, index, exact, plan }).await
}

/// Re-encodes once, and verifies the result.
async fn reencode(
    job: &TranscodeJob<'_>,
    recipe: &Recipe,
    exact: Option<ExactFrames>,
) -> Result<Encoded, Error> {
    match recipe {
        Recipe::Ffmpeg(recipe) => encode::encode(job, recipe, exact).await,
        Recipe::Frames(recipe) => {
            let exact = match exact {
                Some(exact) => exact,
                None => trim::exact_frames(job.context, job.fetched, FrameSource::Packets).await?,
            };
            encode_frames(job, recipe, exact).await
        }
    }
}

/// Lets a codec encode raw frames.
async fn encode_frames(
    job: &TranscodeJob<'_>,
    recipe: &FrameRecipe,
    exact: ExactFrames,
) -> Result<Encoded, Error> {
    let path = job.output_path(&recipe.extension).await?;
    let probe = frames::encode_frames(job, recipe, exact, &path).await?;
    let rule = job.context.settings.encode.if_larger;
    let note = SourceSize::new(rule, job.fetched, Some(exact)).note_if_larger(probe.size);
    let extension = recipe.extension.clone();
    Ok(Encoded { path, extension, probe, note, copied_frames: None })
}
