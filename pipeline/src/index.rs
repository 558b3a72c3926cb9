//! The samples of a local file, as our own readers find them: timestamps and
//! offsets. They take a fraction of the time that listing packets by ffprobe takes,
//! and the smart cut copies by them.

use std::path::Path;
use std::sync::Arc;

use clipmill_core::probe::{Rational, VideoStream};
use clipmill_media::{
    CodecId, ContainerFormat, LocalFile, Media, MediaError, Track, container_format,
};

use crate::ffmpeg::{Frame, Frames, Input};
use crate::local_media::MediaFile;

/// By how much our readers and ffprobe may differ on when a video stream starts,
/// seconds: less than half of any frame.
const START_TOLERANCE: f64 = 0.002;

/// A local file that our own readers understand.
#[derive(Debug, Clone)]
pub(crate) struct SampleIndex {
    pub file: LocalFile,
    pub media: Arc<Media>,
}

impl SampleIndex {
    /// Reads a file; none when it is of another format, or when something in it
    /// is beyond our readers.
    pub async fn read(input: &Input, path: &Path) -> Option<SampleIndex> {
        match read_index(format_of(input)?, path, None).await {
            Ok(index) => Some(index),
            Err(error) => {
                tracing::debug!(%error, "only ffmpeg can read this file");
                None
            }
        }
    }

    /// Reads a file of which only the bytes before `here` are sure to be there;
    /// none when that is too little.
    pub async fn read_until(input: &Input, path: &Path, here: u64) -> Option<SampleIndex> {
        read_index(format_of(input)?, path, Some(here)).await.ok()
    }

    /// The video track, if it is the one that ffprobe sees, at the same times.
    pub fn video_track(&self, file: &MediaFile) -> Option<&Track> {
        let (track, video) = (self.media.video_track()?, file.probe.video.as_ref()?);
        let shown = track.samples.iter().map(|sample| sample.pts);
        let first = shown.filter(|pts| track.edit.contains(*pts)).min()?;
        let start = video.start?;
        let is_then = |ticks: i64| (track.seconds(ticks) - start).abs() < START_TOLERANCE;
        // ffprobe leaves out the frames of an open GOP that are shown before its
        // keyframe.
        let key = track.samples.first().map_or(first, |sample| sample.pts);
        let same = codec_name(&track.codec) == Some(video.codec.as_str())
            && (track.width, track.height) == (video.width, video.height)
            && (is_then(first) || is_then(key));
        if !same {
            let codec = &track.codec;
            tracing::debug!(?codec, start, first, "our reader and ffprobe see different video");
        }
        same.then_some(track)
    }
}

/// What reads an input, if that is a format of ours.
fn format_of(input: &Input) -> Option<&'static dyn ContainerFormat> {
    container_format(input.demuxer.container(&input.head))
}

async fn read_index(
    format: &'static dyn ContainerFormat,
    path: &Path,
    here: Option<u64>,
) -> Result<SampleIndex, MediaError> {
    let path = path.to_path_buf();
    let runtime = tokio::runtime::Handle::current();
    let reading = tokio::task::spawn_blocking(move || {
        let file = LocalFile::open(&path).map_err(|error| MediaError::read(error.to_string()))?;
        let until = here.filter(|_| !format.is_indexed_apart()).unwrap_or(u64::MAX);
        let media = runtime.block_on(format.read(&file.clone().until(until)))?;
        Ok(SampleIndex { file, media: Arc::new(media) })
    });
    reading.await.map_err(|error| MediaError::read(error.to_string()))?
}

/// ffmpeg's name of a codec.
pub(crate) fn codec_name(codec: &CodecId) -> Option<&'static str> {
    Some(match codec {
        CodecId::H264 => "h264",
        CodecId::Hevc => "hevc",
        CodecId::Vp8 => "vp8",
        CodecId::Vp9 => "vp9",
        CodecId::Av1 => "av1",
        CodecId::Aac => "aac",
        CodecId::Opus => "opus",
        CodecId::Vorbis => "vorbis",
        CodecId::Mp3 => "mp3",
        CodecId::Flac => "flac",
        CodecId::Ac3 => "ac3",
        CodecId::Eac3 => "eac3",
        CodecId::Other(_) => return None,
    })
}

/// The frames of a track in the order in which they are shown; none when their
/// ticks are not those of the stream, or two are at the same time.
pub(crate) fn frames(track: &Track, video: &VideoStream) -> Option<Frames> {
    let time_base = Rational { num: 1, den: u64::from(track.timescale.get()) };
    if video.time_base != time_base {
        return None;
    }
    let frame = |sample: &clipmill_media::Sample| Frame { pts: sample.pts, key: sample.sync };
    let shown = track.samples.iter().filter(|sample| track.edit.contains(sample.pts));
    let mut list: Vec<Frame> = shown.map(frame).collect();
    list.sort_unstable();
    let unique = list.windows(2).all(|pair| matches!(pair, [a, b] if a.pts != b.pts));
    (unique && !list.is_empty()).then_some(Frames { time_base, list })
}
