//! Fetched segments become one local file with one clock.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clipmill_core::{Code, Error, FileFormat, micros_of_seconds, sniff};
use clipmill_media::{mp4, ts};
use tokio::io::AsyncWriteExt;

use super::head::{Begin, key};
use super::{Need, Reel, Segment, Zero, crypt, kept, kept_key, kept_map, refused};
use crate::context::PipelineContext;
use crate::ffmpeg::{self, COPY_SHIFT, Copy, Demuxer, Expected, Input, no_video};
use crate::local_media::MediaFile;
use crate::workspace;

/// From where on times are counted from the span, seconds: the clock of a
/// transport stream begins anew after a day and two hours.
const LONG: f64 = 20.0 * 3600.0;
/// By how much the joined packets are later than the source's time, ticks:
/// sound may begin a little before it.
const EARLY: i64 = ts::TICKS_PER_SECOND;
/// What an MP4 takes over from a transport stream with every time stamp.
const IN_MP4: [&str; 6] = ["h264", "hevc", "aac", "mp3", "ac3", "eac3"];

/// The segments and their files.
struct Join<'a> {
    reel: &'a Reel,
    picked: &'a Range<usize>,
    heads: &'a BTreeMap<u64, Begin>,
    folder: &'a Path,
}

/// Joins segments.
pub(super) async fn join(
    context: &PipelineContext,
    reel: &Reel,
    picked: &Range<usize>,
    need: Need,
    heads: &BTreeMap<u64, Begin>,
    folder: &Path,
    stem: &Path,
) -> Result<MediaFile, Error> {
    let join = Join { reel, picked, heads, folder };
    let segments = join.segments();
    let runs = segments.windows(2).filter(|pair| pair[0].run != pair[1].run).count() + 1;
    if runs > 1 && need.apart {
        // The lengths of both are not told precisely enough to join them alike.
        return Err(Error::never(
            Code::CutMismatch,
            "picture and sound are apart and both are interrupted within the span",
        ));
    }
    let first = segments.first().map_or(0.0, |segment| segment.start);
    match segments.iter().map(|segment| segment.map).next().flatten() {
        Some(_) => join.fragments(context, stem).await,
        None => join.packets(context, first, runs == 1, need, stem).await,
    }
}

impl Join<'_> {
    fn segments(&self) -> &[Segment] {
        self.reel.segments.get(self.picked.clone()).unwrap_or_default()
    }

    /// A segment's bytes, decrypted.
    async fn read(&self, index: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = read(&kept(self.folder, index)).await?;
        let segment = self.reel.segments.get(index);
        if let Some((number, vector)) = segment.and_then(|segment| segment.key) {
            let key = key(&read(&kept_key(self.folder, number)).await?)?;
            crypt::whole(&mut bytes, key, vector)?;
        }
        Ok(bytes)
    }

    /// When a run begins in its own clock, and when in the source's time.
    fn begin(&self, run: u64, map: Option<&[u8]>, bytes: &[u8]) -> Result<(Begin, f64), Error> {
        let all = self.reel.segments.iter().find(|segment| segment.run == run);
        let fetched = self.segments().iter().find(|segment| segment.run == run);
        let of = if self.reel.zero == Zero::Fetched { fetched } else { all };
        let start = of.map_or(0.0, |segment| segment.start);
        if let Some(begin) = self.heads.get(&run) {
            return Ok((*begin, start));
        }
        let begin = Begin::of(map, bytes, true)?.ok_or_else(|| {
            Error::never(Code::NotMedia, "a segment of the stream has no time stamps")
        })?;
        Ok((begin, start))
    }

    /// Joins packets of a transport stream.
    async fn packets(
        &self,
        context: &PipelineContext,
        first: f64,
        one_run: bool,
        need: Need,
        stem: &Path,
    ) -> Result<MediaFile, Error> {
        let base = if first > LONG { first.floor() } else { 0.0 };
        let path = stem.with_extension("ts");
        let mut output = create(&path).await?;
        let (mut known, mut shift) = (None::<ts::TransportStream>, None);
        let mut current = None;
        for (index, segment) in self.picked.clone().zip(self.segments()) {
            let mut bytes = self.read(index).await?;
            if sniff(&bytes) != Some(FileFormat::MpegTs) {
                return Err(Error::never(
                    Code::NotMedia,
                    "the stream's segments are of a format that is not joined here",
                ));
            }
            let ticks = match current {
                Some((run, ticks)) if run == segment.run => ticks,
                _ => {
                    let (Begin::Ticks(begin), start) = self.begin(segment.run, None, &bytes)?
                    else {
                        return Err(mixed());
                    };
                    let contents = ts::TransportStream::parse(&bytes).map_err(refused)?;
                    if known.as_ref().is_some_and(|known| !known.has_same_streams(&contents)) {
                        return Err(mixed());
                    }
                    known.get_or_insert(contents);
                    // A cast of a float saturates.
                    let place =
                        ((start - base) * ts::TICKS_PER_SECOND as f64).round() as i64 + EARLY;
                    // Below 2^33.
                    place - begin as i64
                }
            };
            current = Some((segment.run, ticks));
            shift.get_or_insert(ticks);
            ts::shift_timestamps(&mut bytes, ticks).map_err(refused)?;
            write(&mut output, &bytes).await?;
        }
        finish(output).await?;
        let shift =
            shift.unwrap_or_default().saturating_mul(1_000_000) / ts::TICKS_PER_SECOND + COPY_SHIFT;
        let zero = EARLY * 1_000_000 / ts::TICKS_PER_SECOND - micros_of_seconds(base) + COPY_SHIFT;
        let made = rewrap(context, &path, one_run, need, stem).await?;
        let _ = tokio::fs::remove_file(&path).await;
        let probe = context.tools.inspect(&Input::file(&made).await?).await?;
        Ok(MediaFile { path: made, probe, zero_micros: zero, shift_micros: shift, slack_micros: 0 })
    }

    /// Joins fragments of MP4.
    async fn fragments(&self, context: &PipelineContext, stem: &Path) -> Result<MediaFile, Error> {
        let path = stem.with_extension("mp4");
        let mut output = create(&path).await?;
        // The section of the segment at hand, and what the first one says.
        let mut map: Option<(usize, Vec<u8>, mp4::InitTracks)> = None;
        let mut first: Option<mp4::InitTracks> = None;
        let mut zero = None;
        let mut current = None;
        for (index, segment) in self.picked.clone().zip(self.segments()) {
            let number = segment.map.ok_or_else(mixed)?;
            if map.as_ref().is_none_or(|(known, ..)| *known != number) {
                let bytes = read(&kept_map(self.folder, number)).await?;
                let tracks = mp4::InitTracks::parse(&bytes).map_err(refused)?;
                match &first {
                    // Another description of the samples does not fit into one file.
                    Some(first) if !tracks.fits(first) => return Err(mixed()),
                    Some(_) => {}
                    None => {
                        write(&mut output, &bytes).await?;
                        first = Some(tracks.clone());
                    }
                }
                map = Some((number, bytes, tracks));
            }
            let (Some((_, init, tracks)), Some(first)) = (&map, &first) else { continue };
            let mut bytes = self.read(index).await?;
            let shift = match current {
                Some((run, shift)) if run == segment.run => shift,
                _ => {
                    let here = self.zero(segment.run, init, &bytes)?;
                    // The first run keeps its clock.
                    *zero.get_or_insert(here) - here
                }
            };
            current = Some((segment.run, shift));
            if shift != 0 || tracks != first {
                tracks.shift(&mut bytes, shift, first).map_err(refused)?;
            }
            for range in mp4::fragment_ranges(&bytes).map_err(refused)? {
                write(&mut output, bytes.get(range).unwrap_or_default()).await?;
            }
        }
        finish(output).await?;
        let probe = context.tools.inspect(&Input::file(&path).await?).await?;
        let zero_micros = zero.unwrap_or_default();
        // Told zeros are of the source's own clock.
        let shift_micros = if matches!(self.reel.zero, Zero::Told(_)) { zero_micros } else { 0 };
        Ok(MediaFile { path, probe, zero_micros, shift_micros, slack_micros: 0 })
    }

    /// The source's time 0 in the clock of a run of fragments, microseconds.
    fn zero(&self, run: u64, init: &[u8], bytes: &[u8]) -> Result<i64, Error> {
        if let Zero::Told(told) = &self.reel.zero {
            return told.get(&run).copied().ok_or_else(mixed);
        }
        match self.begin(run, Some(init), bytes)? {
            (Begin::Micros(begin), start) => Ok(begin.saturating_sub(micros_of_seconds(start))),
            (Begin::Ticks(_), _) => Err(mixed()),
        }
    }
}

fn mixed() -> Error {
    Error::never(Code::NotMedia, "the stream changes its format, so it can't be joined here")
}

/// Packets in a file that has an index. What may change its parameters on the
/// way keeps them in the stream, which an MP4 does not promise.
async fn rewrap(
    context: &PipelineContext,
    path: &Path,
    one_run: bool,
    need: Need,
    stem: &Path,
) -> Result<PathBuf, Error> {
    let input = Input::file(path).await?;
    if input.demuxer != Demuxer::MpegTs {
        return Err(mixed());
    }
    let source = context.tools.inspect(&input).await?;
    if need.picture && source.video.is_none() {
        return Err(no_video("source"));
    }
    let video = source.video.as_ref().filter(|_| need.picture);
    let audio = source.audio.first().filter(|_| need.sound);
    let mut codecs = video
        .map(|video| video.codec.as_str())
        .into_iter()
        .chain(audio.map(|audio| audio.codec.as_str()));
    let plain = one_run && codecs.all(|codec| IN_MP4.contains(&codec));
    let (format, time_scale) = if plain { ("mp4", Some(90_000)) } else { ("nut", None) };
    let streams: Vec<u32> =
        video.map(|video| video.index).into_iter().chain(audio.map(|audio| audio.index)).collect();
    if streams.is_empty() {
        return Err(Error::never(Code::NoSuchSpan, "the stream holds nothing in this span"));
    }
    let output = stem.with_extension(format);
    let args = ffmpeg::copy(&Copy {
        input: &input,
        streams: &streams,
        from: 0.0,
        length: f64::INFINITY,
        format,
        time_scale,
        output: &output,
    });
    let limit = context.settings.max_download_bytes;
    context.tools.run(args, context.bounds(Some(limit)), Expected::default(), |_| {}).await?;
    Ok(output)
}

async fn read(path: &Path) -> Result<Vec<u8>, Error> {
    tokio::fs::read(path).await.map_err(|error| workspace::explain(&error))
}

type Output = tokio::io::BufWriter<tokio::fs::File>;

async fn create(path: &Path) -> Result<Output, Error> {
    let file = tokio::fs::File::create(path).await.map_err(|error| workspace::explain(&error))?;
    Ok(tokio::io::BufWriter::new(file))
}

async fn write(output: &mut Output, bytes: &[u8]) -> Result<(), Error> {
    output.write_all(bytes).await.map_err(|error| workspace::explain(&error))
}

async fn finish(mut output: Output) -> Result<(), Error> {
    output.flush().await.map_err(|error| workspace::explain(&error))
}
