//! Joins fetched segments to one local file with one clock.
//!
//! Packets of a transport stream are shifted so that the source's time 0 is
//! [`EARLY`] in the joined stream, and put into a file with an index by ffmpeg.
//! Fragments keep the clock of the first segment; those behind a discontinuity are
//! shifted to it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clipmill_core::disk::file_error;
use clipmill_core::{Code, Error, FileFormat, micros_of_seconds, sniff};
use clipmill_media::{mp4, ts};
use tokio::io::AsyncWriteExt;

use super::crypt;
use super::first_timestamp::FirstTimestamp;
use super::rendition::{RenditionRequest, RenditionSegments, TimelineOrigin};
use super::segment::{SegmentFolder, StreamSegment, unreadable_stream};
use crate::context::PipelineContext;
use crate::ffmpeg::{self, COPY_SHIFT_MICROS, Demuxer, Expected, Input, StreamCopy};
use crate::local_media::MediaFile;

/// From where on times are counted from the span, seconds: the clock of a
/// transport stream starts anew after 26.5 hours.
const LONG: f64 = 20.0 * 3600.0;
/// By how much the joined packets are later than the source's time, ticks: audio
/// may start a little before it.
const EARLY: i64 = ts::TICKS_PER_SECOND;
/// What an MP4 takes over from a transport stream with every time stamp.
const IN_MP4: [&str; 6] = ["h264", "hevc", "aac", "mp3", "ac3", "eac3"];

/// Segments whose files are in a folder.
pub struct SelectedSegments<'a> {
    pub rendition: &'a RenditionSegments,
    pub range: Range<usize>,
    /// Those that were read apart from the segments, by discontinuity.
    pub first_timestamps: &'a BTreeMap<u64, FirstTimestamp>,
    pub folder: &'a SegmentFolder,
}

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
        return join_fragments(context, request.stem, selected).await;
    }
    let path = request.stem.with_extension("ts");
    let clock = join_packets(&path, selected).await?;
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
    })
}

impl SelectedSegments<'_> {
    fn segments(&self) -> &[StreamSegment] {
        self.rendition.segments.get(self.range.clone()).unwrap_or_default()
    }

    /// The segments with their indexes.
    fn indexed(&self) -> impl Iterator<Item = (usize, &StreamSegment)> {
        self.range.clone().zip(self.segments())
    }

    /// A segment's bytes, decrypted.
    async fn read(&self, index: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = read_file(&self.folder.segment(index)).await?;
        let segment = self.rendition.segments.get(index);
        if let Some(cipher) = segment.and_then(|segment| segment.cipher) {
            let key = crypt::parse_key(&read_file(&self.folder.key(cipher.key)).await?)?;
            crypt::decrypt(&mut bytes, key, cipher.iv)?;
        }
        Ok(bytes)
    }

    /// When the segments behind a discontinuity start, in their own clock and in the
    /// source's time. `bytes` are those of the first fetched one.
    fn start_behind(
        &self,
        discontinuity: u64,
        init: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<DiscontinuityStart, Error> {
        let is_behind = |segment: &&StreamSegment| segment.discontinuity == discontinuity;
        let first = if self.rendition.origin == TimelineOrigin::FirstFetched {
            self.segments().iter().find(is_behind)
        } else {
            self.rendition.segments.iter().find(is_behind)
        };
        let seconds = first.map_or(0.0, |segment| segment.start);
        let own = match self.first_timestamps.get(&discontinuity) {
            Some(known) => *known,
            None => FirstTimestamp::read(init, bytes, true)?.ok_or_else(|| {
                Error::never(Code::NotMedia, "a segment of the stream has no time stamps")
            })?,
        };
        Ok(DiscontinuityStart { own, seconds })
    }

    /// The source's time 0 in the clock of the fragments behind a discontinuity,
    /// microseconds.
    fn fragments_origin(
        &self,
        discontinuity: u64,
        init: &[u8],
        bytes: &[u8],
    ) -> Result<i64, Error> {
        if let TimelineOrigin::Stated(stated) = &self.rendition.origin {
            return stated.get(&discontinuity).copied().ok_or_else(format_changes);
        }
        let start = self.start_behind(discontinuity, Some(init), bytes)?;
        match start.own {
            FirstTimestamp::Micros(own) => Ok(own.saturating_sub(micros_of_seconds(start.seconds))),
            FirstTimestamp::Ticks(_) => Err(format_changes()),
        }
    }
}

/// When the segments behind a discontinuity start.
struct DiscontinuityStart {
    /// In their own clock.
    own: FirstTimestamp,
    /// In the source's time.
    seconds: f64,
}

/// By how much segments are shifted, as long as no discontinuity follows.
#[derive(Clone, Copy)]
struct DiscontinuityShift {
    discontinuity: u64,
    /// In the unit of the segments' clock.
    shift: i64,
}

/// By how much packets are shifted.
struct PacketClock {
    /// Where the joined stream starts in the source's time, where its clock would
    /// wrap otherwise.
    base_seconds: f64,
    /// The streams of the first segment.
    streams: Option<ts::TransportStream>,
    /// Shift of the first segment, ticks.
    first_shift: Option<i64>,
    current: Option<DiscontinuityShift>,
}

impl PacketClock {
    fn new(selected: &SelectedSegments<'_>) -> PacketClock {
        let first = selected.segments().first().map_or(0.0, |segment| segment.start);
        let base_seconds = if first > LONG { first.floor() } else { 0.0 };
        PacketClock { base_seconds, streams: None, first_shift: None, current: None }
    }

    /// The ticks that are added to the time stamps of a segment.
    fn shift(
        &mut self,
        selected: &SelectedSegments<'_>,
        discontinuity: u64,
        bytes: &[u8],
    ) -> Result<i64, Error> {
        if let Some(current) = self.current.filter(|it| it.discontinuity == discontinuity) {
            return Ok(current.shift);
        }
        let start = selected.start_behind(discontinuity, None, bytes)?;
        let FirstTimestamp::Ticks(own) = start.own else { return Err(format_changes()) };
        let streams = ts::TransportStream::parse(bytes).map_err(unreadable_stream)?;
        if self.streams.as_ref().is_some_and(|known| !known.has_same_streams(&streams)) {
            return Err(format_changes());
        }
        self.streams.get_or_insert(streams);
        let seconds = start.seconds - self.base_seconds;
        // A cast of a float saturates.
        let joined = (seconds * ts::TICKS_PER_SECOND as f64).round() as i64 + EARLY;
        // Below 2^33.
        let shift = joined - own as i64;
        self.first_shift.get_or_insert(shift);
        self.current = Some(DiscontinuityShift { discontinuity, shift });
        Ok(shift)
    }
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
        let shift = clock.shift(selected, segment.discontinuity, &bytes)?;
        ts::shift_timestamps(&mut bytes, shift).map_err(unreadable_stream)?;
        output.write_all(&bytes).await.map_err(file_error)?;
    }
    output.flush().await.map_err(file_error)?;
    Ok(clock)
}

/// By how much fragments are shifted.
#[derive(Default)]
struct FragmentClock {
    /// The source's time 0 in the clock of the first segment, microseconds.
    origin_micros: Option<i64>,
    current: Option<DiscontinuityShift>,
}

impl FragmentClock {
    /// The microseconds that are added to the times of a segment.
    fn shift(
        &mut self,
        selected: &SelectedSegments<'_>,
        discontinuity: u64,
        init: &[u8],
        bytes: &[u8],
    ) -> Result<i64, Error> {
        if let Some(current) = self.current.filter(|it| it.discontinuity == discontinuity) {
            return Ok(current.shift);
        }
        let own = selected.fragments_origin(discontinuity, init, bytes)?;
        // The first segments keep their clock.
        let shift = *self.origin_micros.get_or_insert(own) - own;
        self.current = Some(DiscontinuityShift { discontinuity, shift });
        Ok(shift)
    }
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
    stem: &Path,
    selected: &SelectedSegments<'_>,
) -> Result<MediaFile, Error> {
    let path = stem.with_extension("mp4");
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
        let shift = clock.shift(selected, segment.discontinuity, &init.bytes, &bytes)?;
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
    let probe = context.tools.probe_input(&Input::file(&path).await?).await?;
    let zero_micros = clock.origin_micros.unwrap_or_default();
    // Stated origins are of the source's own clock.
    let is_stated = matches!(selected.rendition.origin, TimelineOrigin::Stated(_));
    let shift_micros = if is_stated { zero_micros } else { 0 };
    Ok(MediaFile { path, probe, zero_micros, shift_micros, slack_micros: 0 })
}

fn format_changes() -> Error {
    Error::never(Code::NotMedia, "the stream changes its format, so it can't be joined here")
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
    let (format, time_scale) = if fits_mp4 { ("mp4", Some(90_000)) } else { ("nut", None) };
    let streams: Vec<u32> =
        video.map(|video| video.index).into_iter().chain(audio.map(|audio| audio.index)).collect();
    if streams.is_empty() {
        return Err(Error::never(Code::NoSuchSpan, "the stream holds nothing in this span"));
    }
    let output = request.stem.with_extension(format);
    let args = ffmpeg::copy_args(&StreamCopy {
        input: &input,
        streams: &streams,
        from: 0.0,
        duration: f64::INFINITY,
        format,
        timescale: time_scale,
        output: &output,
    });
    let limit = context.settings.max_download_bytes;
    context.tools.run(args, context.bounds(Some(limit)), Expected::default(), |_| {}).await?;
    Ok(output)
}

async fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    tokio::fs::read(path).await.map_err(file_error)
}

type Output = tokio::io::BufWriter<tokio::fs::File>;

async fn create(path: &Path) -> Result<Output, Error> {
    tokio::fs::File::create(path).await.map(tokio::io::BufWriter::new).map_err(file_error)
}
