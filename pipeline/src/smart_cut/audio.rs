//! The audio of a smart cut: stream-copied where the container takes it, else
//! re-encoded.

use std::borrow::Cow;

use clipmill_core::probe::Container;
use clipmill_media::mux::OutTrack;
use clipmill_media::smart_cut::cut_audio;
use clipmill_media::{CodecId, LocalFile, MediaErrorKind, Track, matroska};

use super::job::{SmartCutError, SmartCutJob};
use super::priming::without_priming;
use crate::ffmpeg::{self, EncodeJob, Expected, Input};
use crate::index::{SampleIndex, codec_name};
use crate::recipe;

/// Number of the source among the files of the result.
const SOURCE_FILE: usize = 0;
/// Number of the audio's own file among those of the result: after the source, the
/// head and the tail.
const AUDIO_FILE: usize = 3;

/// The audio tracks of a result.
#[derive(Default)]
pub(super) struct CutAudio {
    pub tracks: Vec<OutTrack>,
    /// Where their samples are, when that is not the source's own file.
    pub file: Option<LocalFile>,
}

/// The audio of a cut.
pub(super) async fn cut_audio_tracks(job: &SmartCutJob<'_>) -> Result<CutAudio, SmartCutError> {
    if job.inputs.audio_streams.is_empty() {
        return Ok(CutAudio::default());
    }
    if let Some(audio) = copied(job).await {
        return Ok(audio);
    }
    reencoded(job).await
}

/// The packets of all audio streams; none when one of them can't be copied.
async fn copied(job: &SmartCutJob<'_>) -> Option<CutAudio> {
    let own_index = match (&job.inputs.audio, &job.fetched.media.audio) {
        (Some(input), Some(media)) => Some(SampleIndex::read(input, &media.path).await?),
        _ => None,
    };
    let index = own_index.as_ref().unwrap_or(job.index);
    let file = if own_index.is_some() { AUDIO_FILE } else { SOURCE_FILE };
    let from = job.exact.window.start_micros;
    let to = from + job.exact.timing.duration;
    let all: Vec<&Track> = index.media.audio_tracks().collect();
    let in_file = &job.fetched.media.audio_file().probe.audio;
    let mut tracks = Vec::new();
    for stream in &job.inputs.audio_streams {
        let position = in_file.iter().position(|other| other.index == stream.index)?;
        let track = all.get(position).filter(|track| {
            codec_name(&track.codec) == Some(stream.codec.as_str()) && fits(job, &track.codec)
        })?;
        match cut_audio(&unrounded(track), from, to, file) {
            Ok(audio) if starts_with_video(&audio) => tracks.push(audio),
            // Audio that starts late needs silence before it, which only an encoder
            // makes.
            Ok(_) => return None,
            // The audio ends before the span, or starts after it.
            Err(error) if error.kind == MediaErrorKind::Nothing => {}
            Err(error) => {
                tracing::debug!(%error, "the audio can't be copied, so it is re-encoded");
                return None;
            }
        }
    }
    Some(CutAudio { tracks, file: own_index.map(|index| index.file) })
}

/// Matroska rounds timestamps to milliseconds; the packets' durations are exact.
fn unrounded(track: &Track) -> Cow<'_, Track> {
    if track.entry.is_some() {
        return Cow::Borrowed(track);
    }
    let mut exact = track.clone();
    matroska::snap_to_grid(&mut exact);
    Cow::Owned(exact)
}

fn fits(job: &SmartCutJob<'_>, codec: &CodecId) -> bool {
    match (job.plan.container, codec) {
        (Container::Webm, codec) => matches!(codec, CodecId::Opus | CodecId::Vorbis),
        (_, CodecId::Aac) => true,
        // Not every player knows Opus in MP4: only sources that have it keep it.
        (_, CodecId::Opus) => job.fetched.media.video.probe.container == Container::Mp4,
        _ => false,
    }
}

/// Whether it starts with the video, but for half a packet.
fn starts_with_video(audio: &OutTrack) -> bool {
    let packet = audio.samples.first().map_or(0, |sample| i64::from(sample.duration));
    audio.start.saturating_abs() <= packet / 2 + 1
}

/// All audio by an encoder, from the video's first frame on.
async fn reencoded(job: &SmartCutJob<'_>) -> Result<CutAudio, SmartCutError> {
    let extension = recipe::extension(job.plan.container);
    let output = job.fetched.folder.join(format!("audio.{extension}"));
    let mut window = job.exact.window;
    window.end_micros = window.end_micros.min(window.start_micros + job.exact.timing.duration);
    let args = ffmpeg::encode_audio_args(&EncodeJob {
        plan: job.plan,
        input: &job.inputs.video,
        video: job.fetched.media.video_stream()?,
        audio: job.inputs.audio_input(),
        window: Some(window),
        threads: job.context.settings.ffmpeg_threads,
        output: &output,
    });
    let bounds = job.context.bounds(None);
    job.context.tools.run(args, bounds, Expected::default(), |_| {}).await?;
    let input = Input::file(&output).await?;
    let index = SampleIndex::read(&input, &output).await;
    let index = index.ok_or_else(|| SmartCutError::unfit("the encoded audio can't be read"))?;
    let tracks = index.media.audio_tracks().map(|track| without_priming(track, AUDIO_FILE));
    Ok(CutAudio { tracks: tracks.collect(), file: Some(index.file) })
}
