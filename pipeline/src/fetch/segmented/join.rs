//! Joins fetched segments to one local file with one clock.
//!
//! Packets of a transport stream are shifted so that the source's time 0 is
//! [`EARLY`] in the joined stream, and put into a file with an index by ffmpeg.
//! Fragments keep the clock of the first segment; those behind a discontinuity are
//! shifted to it.

use std::path::{Path, PathBuf};

use clipmill_core::disk::file_error;
use clipmill_core::{Code, Error, FileFormat, micros_of_seconds, sniff};
use clipmill_media::{mp4, ts};
use tokio::io::AsyncWriteExt;

use super::rendition::{RenditionRequest, TimelineOrigin};
use super::segment::{SegmentFolder, unreadable_stream};
use super::selected::{
    EARLY, FragmentClock, PacketClock, SelectedSegments, clock_restarts, format_changes, read_file,
};
use crate::context::PipelineContext;
use crate::ffmpeg::{self, COPY_SHIFT_MICROS, Demuxer, Expected, Input, StreamCopy, WorkContainer};
use crate::local_media::MediaFile;

/// Ticks of MPEG-TS a second.
const TS_CLOCK: u64 = ts::TICKS_PER_SECOND.cast_unsigned();
/// What an MP4 takes over from a transport stream with every time stamp.
const IN_MP4: [&str; 6] = ["h264", "hevc", "aac", "mp3", "ac3", "eac3"];

/// Joins segments to a work file.
///
/// # Errors
/// `cut_mismatch` and `not_media` when they don't fit together; those of ffmpeg.
pub async fn join_segments(
    context: &PipelineContext,
    request: RenditionRequest<'_>,
    selected: &SelectedSegments<'_>,
) -> Result<MediaFile, Error> {
    let segments = selected.segments();
    let is_continuous =
        segments.windows(2).all(|pair| pair[0].discontinuity == pair[1].discontinuity);
    if !is_continuous && request.has_separate_audio {
        // The lists state the lengths of both not precisely enough to join them alike.
        return Err(Error::never(
            Code::CutMismatch,
            "picture and sound are apart and both are interrupted within the span",
        ));
    }
    if segments.first().is_some_and(|segment| segment.init.is_some()) {
        return join_fragments(context, request, selected).await;
    }
    let path = request.stem.with_extension("ts");
    let clock = join_packets(&path, selected).await?;
    if clock.restarts.has_restarted && request.has_separate_audio {
        return Err(clock_restarts());
    }
    let is_continuous = is_continuous && !clock.restarts.has_restarted;
    let joined = rewrap(context, &path, request, is_continuous).await?;
    let _ = tokio::fs::remove_file(&path).await;
    let probe = context.tools.probe_input(&Input::file(&joined).await?).await?;
    Ok(MediaFile {
        path: joined,
        probe,
        zero_micros: micros_of_ticks(EARLY) - micros_of_seconds(clock.base_seconds)
            + COPY_SHIFT_MICROS,
        shift_micros: micros_of_ticks(clock.first_shift.unwrap_or_default()) + COPY_SHIFT_MICROS,
        slack_micros: 0,
        presented_micros: None,
    })
}

/// Writes the packets of a transport stream with one clock.
async fn join_packets(path: &Path, selected: &SelectedSegments<'_>) -> Result<PacketClock, Error> {
    let mut output = create(path).await?;
    let mut clock = PacketClock::new(selected);
    for (index, segment) in selected.indexed() {
        let mut bytes = selected.read(index).await?;
        if sniff(&bytes) != Some(FileFormat::MpegTs) {
            return Err(Error::never(
                Code::NotMedia,
                "the stream's segments are of a format that is not joined here",
            ));
        }
        let shift = clock.shift(selected, segment, &bytes)?;
        ts::shift_timestamps(&mut bytes, shift).map_err(unreadable_stream)?;
        output.write_all(&bytes).await.map_err(file_error)?;
    }
    output.flush().await.map_err(file_error)?;
    Ok(clock)
}

/// An initialization segment.
struct LoadedInit {
    index: usize,
    bytes: Vec<u8>,
    section: mp4::InitTracks,
}

impl LoadedInit {
    async fn read(folder: &SegmentFolder, index: usize) -> Result<LoadedInit, Error> {
        let bytes = read_file(&folder.init(index)).await?;
        let section = mp4::InitTracks::parse(&bytes).map_err(unreadable_stream)?;
        Ok(LoadedInit { index, bytes, section })
    }
}

/// Joins fragments of MP4 behind the initialization segment of the first one.
async fn join_fragments(
    context: &PipelineContext,
    request: RenditionRequest<'_>,
    selected: &SelectedSegments<'_>,
) -> Result<MediaFile, Error> {
    let path = request.stem.with_extension("mp4");
    let mut output = create(&path).await?;
    let mut clock = FragmentClock::default();
    let mut current: Option<LoadedInit> = None;
    let mut first: Option<mp4::InitTracks> = None;
    for (index, segment) in selected.indexed() {
        let number = segment.init.ok_or_else(format_changes)?;
        let init = match current.take().filter(|known| known.index == number) {
            Some(known) => known,
            None => LoadedInit::read(selected.folder, number).await?,
        };
        if first.is_none() {
            output.write_all(&init.bytes).await.map_err(file_error)?;
        }
        let target = first.get_or_insert_with(|| init.section.clone());
        // Another description of the samples does not fit into one file.
        if !init.section.fits(target) {
            return Err(format_changes());
        }
        let mut bytes = selected.read(index).await?;
        let shift = clock.shift(selected, segment, &init.bytes, &bytes)?;
        if shift != 0 || init.section != *target {
            init.section.shift(&mut bytes, shift, target).map_err(unreadable_stream)?;
        }
        for range in mp4::fragment_ranges(&bytes).map_err(unreadable_stream)? {
            let fragment = bytes.get(range).unwrap_or_default();
            output.write_all(fragment).await.map_err(file_error)?;
        }
        current = Some(init);
    }
    output.flush().await.map_err(file_error)?;
    if clock.restarts.has_restarted && request.has_separate_audio {
        return Err(clock_restarts());
    }
    let probe = context.tools.probe_input(&Input::file(&path).await?).await?;
    let zero_micros = clock.origin_micros.unwrap_or_default();
    // Stated origins are of the source's own clock.
    let is_stated = matches!(selected.rendition.origin, TimelineOrigin::Stated(_));
    let shift_micros = if is_stated { zero_micros } else { 0 };
    Ok(MediaFile {
        path,
        probe,
        zero_micros,
        shift_micros,
        slack_micros: 0,
        presented_micros: None,
    })
}

fn micros_of_ticks(ticks: i64) -> i64 {
    ticks.saturating_mul(1_000_000) / ts::TICKS_PER_SECOND
}

/// Puts packets into a file that has an index. What may change its parameters on
/// the way keeps them in the stream, which an MP4 does not promise.
async fn rewrap(
    context: &PipelineContext,
    path: &Path,
    request: RenditionRequest<'_>,
    is_continuous: bool,
) -> Result<PathBuf, Error> {
    let input = Input::file(path).await?;
    if input.demuxer != Demuxer::MpegTs {
        return Err(format_changes());
    }
    let source = context.tools.probe_input(&input).await?;
    request.tracks.check(&source)?;
    let video = source.video.as_ref().filter(|_| request.tracks.video);
    let audio = source.audio.first().filter(|_| request.tracks.audio);
    let video_codec = video.map(|video| video.codec.as_str());
    let audio_codec = audio.map(|audio| audio.codec.as_str());
    let mut codecs = video_codec.into_iter().chain(audio_codec);
    let fits_mp4 = is_continuous && codecs.all(|codec| IN_MP4.contains(&codec));
    let has_aac = audio_codec == Some("aac");
    let container = match fits_mp4 {
        true => WorkContainer::Mp4 { timescale: TS_CLOCK, has_aac },
        false => WorkContainer::Nut,
    };
    let streams: Vec<u32> =
        video.map(|video| video.index).into_iter().chain(audio.map(|audio| audio.index)).collect();
    if streams.is_empty() {
        return Err(Error::never(Code::NoSuchSpan, "the stream holds nothing in this span"));
    }
    let output = request.stem.with_extension(container.name());
    let args = ffmpeg::copy_args(&StreamCopy {
        input: &input,
        streams: &streams,
        from: 0.0,
        duration: f64::INFINITY,
        container,
        output: &output,
    });
    let limit = context.settings.max_download_bytes;
    context.tools.run(args, context.bounds(Some(limit)), Expected::default(), |_| {}).await?;
    Ok(output)
}

type Output = tokio::io::BufWriter<tokio::fs::File>;

async fn create(path: &Path) -> Result<Output, Error> {
    tokio::fs::File::create(path).await.map(tokio::io::BufWriter::new).map_err(file_error)
}
