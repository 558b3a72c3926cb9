//! Making the file that was asked for, in one encode, and looking whether it
//! really is that.

use std::path::PathBuf;

use clipmill_core::probe::{AudioStream, Container, Probe};
use clipmill_core::{Code, Error, micros_of_seconds};
use clipmill_plugins::EncodePlan;

use crate::context::PipelineContext;
use crate::ffmpeg::{self, Expected, FrameSource, Input, Sound};
use crate::index::SampleIndex;
use crate::render::{Own, Recipe};
use crate::size_limit::{Guard, notes};
use crate::smart_cut::{self, Outcome};
use crate::stages::{ExactFrames, PartEncode};
use crate::{
    Encoded, Fetched, ProgressReporter, Rendition, Trimmed, encode, frames, render, trim, workspace,
};

/// Most sound streams that are kept.
const MOST_SOUNDS: usize = 8;

/// The local files of a cut, ready for ffmpeg.
pub(super) struct Inputs {
    pub video: Input,
    pub audio: Option<Input>,
    pub sounds: Vec<AudioStream>,
}

/// Makes the file.
pub(super) async fn transcode(
    context: &PipelineContext,
    trimmed: Trimmed,
    progress: &ProgressReporter,
) -> Result<Encoded, Error> {
    let Trimmed { fetched, exact, index, mut note } = trimmed;
    progress.encoding(0.0, None, None, None);
    workspace::prepare(&fetched.folder).await?;
    let inputs = inputs(&fetched).await?;
    let (probe, video) = (&fetched.media.video.probe, fetched.media.video_stream()?);
    workspace::room_for(&fetched.folder, probe.size)?;
    let high = context.settings.high_resolution_mp4;
    if let (Rendition::Clip { format, .. }, None) = (&fetched.rendition, exact) {
        let target = render::target(*format, probe.container, video, high);
        if render::picture_fits(target, video) {
            let result =
                copy_picture(context, &fetched, &inputs, target.container, progress).await?;
            return Ok(Encoded { note, ..result });
        }
    }
    let recipe = render::recipe(context, &fetched.rendition, probe, video).await?;
    if let Some((exact, plan)) = copies(context, &fetched, exact, &recipe)? {
        match smart(context, &fetched, &inputs, index.as_ref(), exact, plan).await? {
            Outcome::Made(made) => {
                progress.encoding(100.0, None, None, None);
                return Ok(Encoded { note, ..*made });
            }
            Outcome::Short => tracing::info!("the span has no keyframe, so all of it is encoded"),
            Outcome::Unfit(why) => {
                tracing::info!(why, "all of it is encoded");
                note = notes(note, Some(format!("all of it was encoded anew, because {why}")));
            }
        }
    }
    let exact = match (exact, &recipe) {
        (None, Recipe::Own(_)) => {
            Some(trim::exact_frames(context, &fetched, FrameSource::Packets).await?)
        }
        (exact, _) => exact,
    };
    let result = match attempt(context, &fetched, &inputs, &recipe, exact, progress).await {
        // The list of packets and the decoder may disagree, as with damaged
        // files; then the decoder's own list decides.
        Err(error) if error.code == Code::CutMismatch => {
            tracing::info!("cutting again by the decoder's own list of frames");
            let exact = trim::exact_frames(context, &fetched, FrameSource::Decoder).await?;
            attempt(context, &fetched, &inputs, &recipe, Some(exact), progress).await?
        }
        first => first?,
    };
    Ok(Encoded { note: notes(note, result.note.clone()), ..result })
}

/// Encodes the head of a clip of which only the bytes before `here` are there;
/// none when there is none, or when it can't be told yet.
///
/// # Errors
/// When it can't be made.
pub(super) async fn encode_head(
    context: &PipelineContext,
    trimmed: Trimmed,
    here: u64,
) -> Result<Option<PartEncode>, Error> {
    let Trimmed { fetched, exact, index, .. } = trimmed;
    let (probe, video) = (&fetched.media.video.probe, fetched.media.video_stream()?);
    let recipe = render::recipe(context, &fetched.rendition, probe, video).await?;
    let way = copies(context, &fetched, exact, &recipe)?;
    let Some(((exact, plan), index)) = way.zip(index.as_ref()) else { return Ok(None) };
    let inputs = inputs(&fetched).await?;
    smart_cut::head(context, &job(&fetched, &inputs, index, exact, plan), here).await
}

/// Which frames of a clip are cut with as little encoding as can be, and what
/// the rest becomes; none when all of it has to be encoded.
fn copies<'a>(
    context: &PipelineContext,
    fetched: &Fetched,
    exact: Option<ExactFrames>,
    recipe: &'a Recipe,
) -> Result<Option<(ExactFrames, &'a EncodePlan)>, Error> {
    let (Rendition::Clip { format, .. }, Some(exact), Recipe::Ffmpeg(way)) =
        (&fetched.rendition, exact, recipe)
    else {
        return Ok(None);
    };
    let (probe, video) = (&fetched.media.video.probe, fetched.media.video_stream()?);
    let target =
        render::target(*format, probe.container, video, context.settings.high_resolution_mp4);
    Ok(render::picture_fits(target, video).then_some((exact, &way.plan)))
}

fn job<'a>(
    fetched: &'a Fetched,
    inputs: &'a Inputs,
    index: &'a SampleIndex,
    exact: ExactFrames,
    plan: &'a EncodePlan,
) -> smart_cut::Job<'a> {
    let (input, audio) = (&inputs.video, inputs.audio.as_ref());
    smart_cut::Job { fetched, input, audio, sounds: &inputs.sounds, index, exact, plan }
}

/// Cuts with as little encoding as can be.
async fn smart(
    context: &PipelineContext,
    fetched: &Fetched,
    inputs: &Inputs,
    index: Option<&SampleIndex>,
    exact: ExactFrames,
    plan: &EncodePlan,
) -> Result<Outcome, Error> {
    let Some(index) = index else {
        let why = "its file has no index that can be read here";
        return Ok(Outcome::Unfit(why.to_owned()));
    };
    smart_cut::cut(context, &job(fetched, inputs, index, exact, plan)).await
}

/// Makes the file once, and checks the result.
async fn attempt(
    context: &PipelineContext,
    fetched: &Fetched,
    inputs: &Inputs,
    recipe: &Recipe,
    exact: Option<ExactFrames>,
    progress: &ProgressReporter,
) -> Result<Encoded, Error> {
    match (recipe, exact) {
        (Recipe::Ffmpeg(way), _) => {
            encode::encode(context, fetched, inputs, way, exact, progress).await
        }
        (Recipe::Own(own), Some(exact)) => {
            by_itself(context, fetched, inputs, own, exact, progress).await
        }
        (Recipe::Own(_), None) => {
            Err(Error::never(Code::Internal, "nobody looked which frames there are"))
        }
    }
}

/// Lets a codec encode that needs no ffmpeg for it.
async fn by_itself(
    context: &PipelineContext,
    fetched: &Fetched,
    inputs: &Inputs,
    own: &Own,
    exact: ExactFrames,
    progress: &ProgressReporter,
) -> Result<Encoded, Error> {
    let (path, extension) = output(fetched, &own.extension).await?;
    let holder = inputs.audio.as_ref().unwrap_or(&inputs.video);
    let sound = inputs.sounds.first().map(|stream| (holder, stream));
    let job = frames::Job { own, fetched, video: &inputs.video, sound, exact, output: &path };
    let probe = frames::encode(context, &job, progress).await?;
    let note = Guard::new(context.settings.encode.if_larger, fetched, Some(exact)).told(probe.size);
    Ok(Encoded { path, extension, probe, note, copied_frames: None })
}

async fn inputs(fetched: &Fetched) -> Result<Inputs, Error> {
    let media = &fetched.media;
    let video = Input::file(&media.video.path).await?;
    let audio = match &media.audio {
        Some(file) => Some(Input::file(&file.path).await?),
        None => None,
    };
    let sounds = media.audio_file().probe.audio.iter().take(MOST_SOUNDS).cloned().collect();
    Ok(Inputs { video, audio, sounds })
}

/// Changes only the file format, and the sound where that can't hold it.
pub(super) async fn copy_picture(
    context: &PipelineContext,
    fetched: &Fetched,
    inputs: &Inputs,
    container: Container,
    progress: &ProgressReporter,
) -> Result<Encoded, Error> {
    let (path, extension) = output(fetched, render::extension(container)).await?;
    let sound = Sound { file: inputs.audio.as_ref(), streams: &inputs.sounds };
    let video = fetched.media.video_stream()?;
    let args = match render::sounds_fit(container, &inputs.sounds) {
        true => ffmpeg::remux(&inputs.video, video, sound, container, &path),
        false => {
            let plan = render::sound_plan(container);
            ffmpeg::resound(&inputs.video, video, sound, (container, &plan), &path)
        }
    };
    context
        .tools
        .run(args, context.bounds(None), expected(fetched, None), report(progress))
        .await?;
    let probe = check(context, &path, None).await?;
    Ok(Encoded { path, extension, probe, note: None, copied_frames: None })
}

/// Hands ffmpeg's reports to the progress.
pub(super) fn report(progress: &ProgressReporter) -> impl FnMut(ffmpeg::Snapshot) + Send {
    |seen| progress.encoding(seen.percent, seen.speed, seen.eta, seen.fps)
}

/// Where the result goes: a name that nothing has. What an interrupted attempt
/// left there is removed and not written over, because its ffmpeg may be at it.
pub(super) async fn output(fetched: &Fetched, extension: &str) -> Result<(PathBuf, String), Error> {
    let path = fetched.folder.join(format!("encoded.{extension}"));
    match tokio::fs::remove_file(&path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(workspace::explain(&error))
        }
        _ => Ok((path, extension.to_owned())),
    }
}

pub(super) fn expected(fetched: &Fetched, exact: Option<ExactFrames>) -> Expected {
    let duration =
        fetched.media.video.probe.duration.map(|seconds| micros_of_seconds(seconds).unsigned_abs());
    match exact {
        Some(exact) => Expected { frames: Some(exact.count), micros: None },
        None => Expected { frames: None, micros: duration },
    }
}

/// Looks at the result: a wrong file is never handed out.
pub(super) async fn check(
    context: &PipelineContext,
    path: &std::path::Path,
    exact: Option<ExactFrames>,
) -> Result<Probe, Error> {
    let probe = context.tools.probe(path).await.map_err(|error| {
        tracing::warn!(code = %error.code, "the result can't be read back");
        Error::never(Code::EncodeFailed, "ffmpeg made a file that can't be read")
    })?;
    let (Some(exact), Some(video)) = (exact, &probe.video) else { return Ok(probe) };
    let frames = context
        .tools
        .frames(&Input::file(path).await?, video, context.settings.stage_deadline)
        .await?;
    let first = frames.list.first().map(|frame| frames.micros(frame.pts));
    let last = frames.list.last().map_or(0, |frame| frames.micros(frame.pts));
    let wanted = exact.timing.duration - exact.timing.last_gap;
    let count = frames.list.len() as u64;
    // A file format that rounds to milliseconds may move the last frame by half of one.
    if count == exact.count && first == Some(0) && (last - wanted).abs() <= 1000 {
        return Ok(probe);
    }
    let frames = exact.count;
    tracing::warn!(count, frames, ?first, last, wanted, "the cut is not exact");
    Err(Error::never(Code::CutMismatch, "the video could not be cut at exactly these times"))
}
