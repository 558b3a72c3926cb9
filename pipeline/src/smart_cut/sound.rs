//! The sound of a cut: copied packets where the file format takes them, else
//! encoded anew.

use std::borrow::Cow;

use clipmill_core::probe::Container;
use clipmill_media::mux::OutTrack;
use clipmill_media::smart_cut::cut_audio;
use clipmill_media::{Codec, ErrorKind, LocalFile, Track, matroska};

use super::finish::from_its_start;
use super::{Job, Trouble};
use crate::context::PipelineContext;
use crate::ffmpeg::{self, Encode, Expected, Input, Sound};
use crate::index::{SampleIndex, codec_name};
use crate::render;

/// Place of the sound's file among those of the result: after the source, the
/// head and the tail.
const FILE: usize = 3;

/// The sound tracks of a result.
#[derive(Default)]
pub(super) struct Sounds {
    pub tracks: Vec<OutTrack>,
    /// Where their samples are, when that is not the source's own file.
    pub file: Option<LocalFile>,
}

/// The sounds of a cut.
pub(super) async fn sounds(context: &PipelineContext, job: &Job<'_>) -> Result<Sounds, Trouble> {
    if job.sounds.is_empty() {
        return Ok(Sounds::default());
    }
    if let Some(sounds) = copied(job).await? {
        return Ok(sounds);
    }
    encoded(context, job).await
}

/// The packets of all sounds; none when one of them can't be copied.
async fn copied(job: &Job<'_>) -> Result<Option<Sounds>, Trouble> {
    let own;
    let (index, file) = match (job.audio, &job.fetched.media.audio) {
        (Some(input), Some(media)) => match SampleIndex::read(input, &media.path).await {
            Some(index) => {
                own = index;
                (&own, FILE)
            }
            None => return Ok(None),
        },
        _ => (job.index, 0),
    };
    let (from, to) =
        (job.exact.window.start_micros, job.exact.window.start_micros + job.exact.timing.duration);
    let all: Vec<&Track> = index.media.audio_tracks().collect();
    let mut tracks = Vec::new();
    for (place, stream) in all_places(job).zip(job.sounds) {
        let Some(track) = all.get(place).filter(|track| {
            codec_name(&track.codec) == Some(stream.codec.as_str()) && fits(job, &track.codec)
        }) else {
            return Ok(None);
        };
        match cut_audio(&exactly(track), from, to, file) {
            Ok(sound) if is_prompt(&sound) => tracks.push(sound),
            // Late sound needs silence before it, which only an encoder makes.
            Ok(_) => return Ok(None),
            // The sound ends before the span, or begins after it.
            Err(error) if error.kind == ErrorKind::Nothing => {}
            Err(error) => {
                tracing::info!(%error, "the sound is encoded");
                return Ok(None);
            }
        }
    }
    Ok(Some(Sounds { tracks, file: (file == FILE).then(|| index.file.clone()) }))
}

/// Matroska rounds times to milliseconds; the packets themselves tell better.
fn exactly(track: &Track) -> Cow<'_, Track> {
    if track.entry.is_some() {
        return Cow::Borrowed(track);
    }
    let mut exact = track.clone();
    matroska::snap_to_grid(&mut exact);
    Cow::Owned(exact)
}

/// Which of all sounds of its file each kept one is.
fn all_places(job: &Job<'_>) -> impl Iterator<Item = usize> {
    let media = &job.fetched.media;
    let holder = media.audio.as_ref().unwrap_or(&media.video);
    let places = job
        .sounds
        .iter()
        .map(|kept| holder.probe.audio.iter().position(|stream| stream.index == kept.index));
    places.map(|place| place.unwrap_or(usize::MAX)).collect::<Vec<_>>().into_iter()
}

fn fits(job: &Job<'_>, codec: &Codec) -> bool {
    match job.plan.container {
        Container::Webm => matches!(codec, Codec::Opus | Codec::Vorbis),
        // Opus in MP4 is left to those who had it there already.
        _ => match codec {
            Codec::Aac => true,
            Codec::Opus => job.fetched.media.video.probe.container == Container::Mp4,
            _ => false,
        },
    }
}

/// Whether it begins with the picture, but for half a packet.
fn is_prompt(sound: &OutTrack) -> bool {
    let packet = sound.samples.first().map_or(0, |sample| i64::from(sample.duration));
    sound.start.saturating_abs() <= packet / 2 + 1
}

/// All sounds by an encoder, from the picture's first frame on.
async fn encoded(context: &PipelineContext, job: &Job<'_>) -> Result<Sounds, Trouble> {
    let output =
        job.fetched.folder.join(format!("sound.{}", render::extension(job.plan.container)));
    let mut window = job.exact.window;
    window.end_micros = window.end_micros.min(window.start_micros + job.exact.timing.duration);
    let args = ffmpeg::encode_sound(&Encode {
        plan: job.plan,
        input: job.input,
        video: job.fetched.media.video_stream()?,
        sound: Sound { file: job.audio, streams: job.sounds },
        window: Some(window),
        threads: context.settings.ffmpeg_threads,
        output: &output,
    });
    context.tools.run(args, context.bounds(None), Expected::default(), |_| {}).await?;
    let input = Input::file(&output).await?;
    let index = SampleIndex::read(&input, &output)
        .await
        .ok_or_else(|| Trouble::Unfit("the encoded sound can't be read".to_owned()))?;
    let tracks = index.media.audio_tracks().map(|track| from_its_start(track, FILE)).collect();
    Ok(Sounds { tracks, file: Some(index.file) })
}
