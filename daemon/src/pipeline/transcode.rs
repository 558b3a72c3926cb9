//! Making the file that was asked for, in one encode, and looking whether it
//! really is that.

use std::path::PathBuf;

use clipmill_plugins::EncodePlan;
use clipmill_plugins::media::{AudioStream, Container, Probe};

use super::media::micros;
use super::street::Shop;
use super::trim::{self, Exact};
use super::{Cut, Encoded, Fetched, Gauge, Rendition, StageError, render, workspace};
use crate::ffmpeg::{self, Encode, Expected, Input, Sound};

/// Most sound streams that an upload keeps.
const MOST_SOUNDS: usize = 8;

/// The local files of a cut, ready for ffmpeg.
struct Inputs {
    video: Input,
    audio: Option<Input>,
    sounds: Vec<AudioStream>,
}

/// Makes the file.
pub(super) async fn transcode(shop: &Shop, cut: Cut, gauge: &Gauge) -> Result<Encoded, StageError> {
    let Cut { fetched, exact, note } = cut;
    gauge.encoding(0.0, None, None, None);
    workspace::prepare(&fetched.folder).await?;
    let inputs = inputs(&fetched).await?;
    let (probe, video) = (&fetched.media.video.probe, fetched.media.picture()?);
    workspace::room_for(&fetched.folder, probe.size)?;
    let high = shop.clips.high_resolution_mp4;
    if let (Rendition::Clip { format, .. }, None) = (&fetched.rendition, exact) {
        let target = render::target(format, probe.container, video, high);
        let codecs: Vec<String> = inputs.sounds.iter().map(|sound| sound.codec.clone()).collect();
        if render::fits(target, video, &codecs) {
            let result = copy(shop, &fetched, &inputs, target.container, gauge).await?;
            return Ok(Encoded { note, ..result });
        }
    }
    let plan = render::plan(shop, &fetched.rendition, probe, video).await?;
    let first = attempt(shop, &fetched, &inputs, &plan, exact, gauge).await;
    let result = match (first, fetched.span) {
        // The list of packets and the decoder may disagree, as with damaged
        // files; then the decoder's own list decides.
        (Err(error), Some(span)) if error.code == "cut_mismatch" => {
            tracing::info!("cutting again by the decoder's own list of frames");
            let exact = trim::exact(shop, &fetched, span, true).await?;
            attempt(shop, &fetched, &inputs, &plan, Some(exact), gauge).await?
        }
        (first, _) => first?,
    };
    Ok(Encoded { note, ..result })
}

async fn inputs(fetched: &Fetched) -> Result<Inputs, StageError> {
    let media = &fetched.media;
    let video = Input::file(&media.video.path).await?;
    let audio = match &media.audio {
        Some(file) => Some(Input::file(&file.path).await?),
        None => None,
    };
    let holder = media.audio.as_ref().unwrap_or(&media.video);
    let kept = match fetched.rendition {
        Rendition::Clip { .. } => 1,
        Rendition::Encode { .. } => MOST_SOUNDS,
    };
    let sounds = holder.probe.audio.iter().take(kept).cloned().collect();
    Ok(Inputs { video, audio, sounds })
}

/// Encodes once, and checks the result.
async fn attempt(
    shop: &Shop,
    fetched: &Fetched,
    inputs: &Inputs,
    plan: &EncodePlan,
    exact: Option<Exact>,
    gauge: &Gauge,
) -> Result<Encoded, StageError> {
    let (path, extension) = output(fetched, plan.container).await?;
    let args = ffmpeg::encode(&Encode {
        plan,
        input: &inputs.video,
        video: fetched.media.picture()?,
        sound: Sound { file: inputs.audio.as_ref(), streams: &inputs.sounds },
        window: exact.map(|exact| exact.window),
        threads: shop.workers.ffmpeg_threads,
        output: &path,
    });
    run(shop, args, expected(fetched, exact), gauge).await?;
    let probe = check(shop, &path, exact).await?;
    Ok(Encoded { path, extension, probe, note: None })
}

/// Changes only the file format.
async fn copy(
    shop: &Shop,
    fetched: &Fetched,
    inputs: &Inputs,
    container: Container,
    gauge: &Gauge,
) -> Result<Encoded, StageError> {
    let (path, extension) = output(fetched, container).await?;
    let sound = Sound { file: inputs.audio.as_ref(), streams: &inputs.sounds };
    let video = fetched.media.picture()?;
    let args = ffmpeg::remux(&inputs.video, video, sound, container, &path);
    run(shop, args, expected(fetched, None), gauge).await?;
    let probe = check(shop, &path, None).await?;
    Ok(Encoded { path, extension, probe, note: None })
}

async fn run(
    shop: &Shop,
    args: Vec<std::ffi::OsString>,
    expected: Expected,
    gauge: &Gauge,
) -> Result<(), StageError> {
    let report = |seen: ffmpeg::Snapshot| {
        gauge.encoding(seen.percent, seen.speed, seen.eta, seen.fps);
    };
    shop.tools.run(args, shop.bounds(None), expected, report).await
}

/// Where the result goes: a name that nothing has. What an interrupted attempt
/// left there is removed and not written over, because its ffmpeg may be at it.
async fn output(fetched: &Fetched, container: Container) -> Result<(PathBuf, String), StageError> {
    let extension = match container {
        Container::Webm => "webm",
        Container::Mkv => "mkv",
        Container::Ts => "ts",
        Container::Mp4 | Container::Other => "mp4",
    };
    let path = fetched.folder.join(format!("encoded.{extension}"));
    match tokio::fs::remove_file(&path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(workspace::explain(&error))
        }
        _ => Ok((path, extension.to_owned())),
    }
}

fn expected(fetched: &Fetched, exact: Option<Exact>) -> Expected {
    let duration = fetched.media.video.probe.duration.map(|seconds| micros(seconds).unsigned_abs());
    match exact {
        Some(exact) => Expected { frames: Some(exact.frames), micros: None },
        None => Expected { frames: None, micros: duration },
    }
}

/// Looks at the result: a wrong file is never handed out.
async fn check(
    shop: &Shop,
    path: &std::path::Path,
    exact: Option<Exact>,
) -> Result<Probe, StageError> {
    let probe = shop.tools.probe(path).await.map_err(|error| {
        tracing::warn!(code = error.code, "the result can't be read back");
        StageError::never("encode_failed", "ffmpeg made a file that can't be read")
    })?;
    let (Some(exact), Some(video)) = (exact, &probe.video) else { return Ok(probe) };
    let frames = shop.tools.frames(&Input::file(path).await?, video, shop.stage_deadline()).await?;
    let first = frames.list.first().map(|frame| frames.micros(frame.pts));
    let last = frames.list.last().map_or(0, |frame| frames.micros(frame.pts));
    let length = exact.window.end_micros - exact.window.start_micros;
    let count = frames.list.len() as u64;
    // A file format that rounds to milliseconds may move the last frame by half of one.
    if count == exact.frames && first == Some(0) && last <= length + 1000 {
        return Ok(probe);
    }
    tracing::warn!(count, wanted = exact.frames, ?first, last, length, "the cut is not exact");
    Err(StageError::never("cut_mismatch", "the video could not be cut at exactly these times"))
}
