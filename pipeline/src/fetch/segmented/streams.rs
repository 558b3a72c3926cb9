//! Fetches a stream in segments: video and audio by their playlists or manifests.

use std::path::{Path, PathBuf};

use clipmill_core::probe::{Format, MediaInfo, Transport};
use clipmill_core::{Code, Error};
use clipmill_media::ts;
use clipmill_plugins::ResolveOptions;

use super::dash;
use super::fetch_rendition::fetch_rendition;
use super::hls;
use super::list_reader::ListReader;
use super::live::{ListWatch, RenditionAddress, RenditionSource};
use super::rendition::{LiveTimeline, RenditionRequest, RenditionSegments};
use super::segment::SegmentFolder;
use crate::fetch::context::FetchContext;
use crate::fetch::indexed::{IndexedFile, fetch_indexed};
use crate::fetch::select_format::{FormatChoice, FormatPreference};
use crate::fetch::tracks::{VideoAndAudio, WantedTracks, may_end_early};
use crate::fetch::transfer::RemoteAddress;
use crate::local_media::{LocalMedia, MediaFile};
use crate::workspace;

/// By how much the starts of video and audio may differ, microseconds.
const MAX_APART: i64 = 2_000_000;

/// Where a stream is described.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamAddress {
    /// By an HLS playlist.
    Hls(RemoteAddress),
    /// By a DASH manifest, as this format.
    Dash(RemoteAddress, Box<Format>),
}

/// A stream in segments, and what is wanted of it.
pub struct SegmentedRequest {
    pub streams: VideoAndAudio<StreamAddress>,
    /// Where a playlist offers a choice.
    pub preference: FormatPreference,
    /// None for a stream that is not live.
    pub timeline: Option<LiveTimeline>,
}

/// Where a format is described, if it is in segments.
pub fn stream_address(format: &Format) -> Option<StreamAddress> {
    match &format.transport {
        Transport::Hls { url, headers } => {
            Some(StreamAddress::Hls(RemoteAddress { url: url.clone(), headers: headers.clone() }))
        }
        Transport::Dash { url, headers } => {
            let address = RemoteAddress { url: url.clone(), headers: headers.clone() };
            Some(StreamAddress::Dash(address, Box::new(format.clone())))
        }
        Transport::Progressive { .. } | Transport::Opaque => None,
    }
}

/// Gets a file with the video, and perhaps one with the audio.
///
/// # Errors
/// Those of sources and of ffmpeg; `not_media` and `cut_mismatch` where the source
/// itself may do better.
pub async fn fetch_segmented(
    context: &FetchContext<'_>,
    request: SegmentedRequest,
) -> Result<LocalMedia, Error> {
    let error = match fetch_streams(context, &request).await {
        Err(error) if matches!(error.code, Code::PrivateVideo | Code::RemovedVideo) => error,
        done => return done,
    };
    // The addresses may have expired.
    let fresh = context.source.resolve(context.url, ResolveOptions { fresh: true }).await?;
    match same_formats(context.choice, &fresh).filter(|streams| *streams != request.streams) {
        Some(streams) => fetch_streams(context, &SegmentedRequest { streams, ..request }).await,
        None => Err(error),
    }
}

/// Where the chosen formats are by a fresh answer of the source.
fn same_formats(
    choice: FormatChoice<'_>,
    fresh: &MediaInfo,
) -> Option<VideoAndAudio<StreamAddress>> {
    choice.locate(|format| {
        let same = fresh.formats.iter().find(|found| found.id == format.id)?;
        stream_address(same)
    })
}

async fn fetch_streams(
    context: &FetchContext<'_>,
    request: &SegmentedRequest,
) -> Result<LocalMedia, Error> {
    let stems = Stems::new(context.folder);
    for stem in [&stems.video, &stems.audio] {
        workspace::renew(SegmentFolder::new(stem).path()).await?;
    }
    let reader = ListReader::new(&context.transfer);
    let addresses = find_renditions(&reader, request).await?;
    let watch = ListWatch {
        context,
        reader: &reader,
        timeline: request.timeline,
        has_separate_audio: addresses.audio.is_some(),
    };
    let sources = find_sources(&watch, &addresses, &stems).await?;
    match (sources.video, sources.audio) {
        (RenditionSource::Segments(video), None) => {
            let renditions = VideoAndAudio { video, audio: None };
            fetch_renditions(context, &renditions, &stems).await
        }
        (RenditionSource::Segments(video), Some(RenditionSource::Segments(audio))) => {
            let renditions = VideoAndAudio { video, audio: Some(audio) };
            fetch_renditions(context, &renditions, &stems).await
        }
        (RenditionSource::File(video), None) => {
            fetch_files(context, VideoAndAudio { video, audio: None }, stems).await
        }
        (RenditionSource::File(video), Some(RenditionSource::File(audio))) => {
            fetch_files(context, VideoAndAudio { video, audio: Some(audio) }, stems).await
        }
        _ => Err(Error::never(
            Code::NotMedia,
            "picture and sound are described in two different ways",
        )),
    }
}

/// The work files without their extensions.
struct Stems {
    video: PathBuf,
    audio: PathBuf,
}

impl Stems {
    fn new(folder: &Path) -> Stems {
        Stems { video: folder.join("video"), audio: folder.join("audio") }
    }
}

/// The renditions that the streams mean. A playlist of the video may name one of
/// the audio.
async fn find_renditions(
    reader: &ListReader<'_>,
    request: &SegmentedRequest,
) -> Result<VideoAndAudio<RenditionAddress>, Error> {
    let preference = request.preference;
    let audio = async {
        match &request.streams.audio {
            Some(audio) => find_rendition(reader, audio, preference).await.map(Some),
            None => Ok(None),
        }
    };
    let video = find_rendition(reader, &request.streams.video, preference);
    let (video, audio) = tokio::try_join!(video, audio)?;
    let audio = audio.map(|own| own.video).or(video.audio);
    Ok(VideoAndAudio { video: video.video, audio })
}

async fn find_rendition(
    reader: &ListReader<'_>,
    stream: &StreamAddress,
    preference: FormatPreference,
) -> Result<VideoAndAudio<RenditionAddress>, Error> {
    match stream {
        StreamAddress::Hls(address) => {
            let found = hls::find_playlists(reader, address, preference).await?;
            Ok(found.map(RenditionAddress::Hls))
        }
        StreamAddress::Dash(address, format) => {
            let found = dash::find_representations(reader, address, format, preference).await?;
            Ok(found.map(|key| RenditionAddress::Dash(address.clone(), key)))
        }
    }
}

/// Where the bytes of the renditions are, as soon as their lists hold the span.
async fn find_sources(
    watch: &ListWatch<'_>,
    addresses: &VideoAndAudio<RenditionAddress>,
    stems: &Stems,
) -> Result<VideoAndAudio<RenditionSource>, Error> {
    let audio = async {
        let Some(audio) = &addresses.audio else { return Ok(None) };
        let source = watch.wait_for_span(audio, WantedTracks::AUDIO, &stems.audio);
        Box::pin(source).await.map(Some)
    };
    let tracks = addresses.video_tracks();
    let video = Box::pin(watch.wait_for_span(&addresses.video, tracks, &stems.video));
    let (video, audio) = tokio::try_join!(video, audio)?;
    Ok(VideoAndAudio { video, audio })
}

/// Gets renditions that are in segments.
async fn fetch_renditions(
    context: &FetchContext<'_>,
    renditions: &VideoAndAudio<RenditionSegments>,
    stems: &Stems,
) -> Result<LocalMedia, Error> {
    let has_separate_audio = renditions.audio.is_some();
    let audio = async {
        let Some(rendition) = &renditions.audio else { return Ok(None) };
        let (tracks, stem) = (WantedTracks::AUDIO, stems.audio.as_path());
        let request = RenditionRequest { rendition, tracks, has_separate_audio, stem };
        may_end_early(Box::pin(fetch_rendition(context, request)).await)
    };
    let video = RenditionRequest {
        rendition: &renditions.video,
        tracks: renditions.video_tracks(),
        has_separate_audio,
        stem: &stems.video,
    };
    let video = Box::pin(fetch_rendition(context, video));
    let (video, audio) = tokio::try_join!(video, audio)?;
    let audio = match audio {
        Some(audio) => Some(align_clock(audio, &video)?),
        None => None,
    };
    Ok(LocalMedia { video, audio })
}

/// Gets representations that are one file each.
async fn fetch_files(
    context: &FetchContext<'_>,
    addresses: VideoAndAudio<RemoteAddress>,
    stems: Stems,
) -> Result<LocalMedia, Error> {
    // The source knows the manifest under the format's name, and no file of it.
    let format_id = context.choice.video.id.as_str();
    let tracks = addresses.video_tracks();
    let video = IndexedFile { address: addresses.video, format_id, stem: stems.video, tracks };
    let tracks = WantedTracks::AUDIO;
    let audio = addresses.audio.map(|address| IndexedFile {
        address,
        format_id,
        stem: stems.audio,
        tracks,
    });
    Box::pin(fetch_indexed(context, &VideoAndAudio { video, audio })).await
}

/// The audio with its clock as near to that of the video as it is: one of them may
/// have wrapped between the two.
fn align_clock(mut audio: MediaFile, video: &MediaFile) -> Result<MediaFile, Error> {
    let wrap = i64::try_from(ts::CLOCK_WRAP).unwrap_or(i64::MAX).saturating_mul(1_000_000)
        / ts::TICKS_PER_SECOND;
    let start = |file: &MediaFile| file.zero_micros.saturating_sub(file.shift_micros);
    let difference = start(&audio).saturating_sub(start(video));
    let turns = (difference + difference.signum() * (wrap / 2)) / wrap;
    audio.shift_micros = audio.shift_micros.saturating_add(turns * wrap);
    if (difference - turns * wrap).abs() > MAX_APART {
        return Err(Error::never(Code::CutMismatch, "picture and sound do not begin together"));
    }
    Ok(audio)
}
