//! DASH (ISO/IEC 23009-1): from the address of a manifest to the segments of video
//! and audio.

use std::collections::BTreeMap;
use std::time::Duration;

use clipmill_core::probe::{AudioTrack, Container, Format, Transport, VideoTrack};
use clipmill_core::{Clock, Code, Error, micros_of_seconds};
use clipmill_media::TrackKind;
use clipmill_media::dash::{
    self, LiveMoment, Mpd, Period, Representation, SegmentSource, SegmentUrl,
};
use url::Url;

use super::list_reader::ListReader;
use super::rendition::{LiveTimeline, RenditionSegments, SegmentListing, TimelineOrigin};
use super::segment::{SegmentLocation, StreamSegment, unreadable_stream};
use crate::fetch::select_format::{FormatPreference, select_formats};
use crate::fetch::tracks::VideoAndAudio;
use crate::fetch::transfer::RemoteAddress;
use crate::ffmpeg::no_video;

/// What identifies a representation; it may have another name in each period.
#[derive(Debug, Clone, PartialEq)]
pub struct RepresentationKey {
    id: String,
    kind: Option<TrackKind>,
    height: Option<u32>,
    bandwidth: Option<u64>,
}

/// Where the bytes of a representation are.
pub enum RepresentationSource {
    /// In segments.
    Listing(SegmentListing),
    /// In one file with an index of its own.
    File(RemoteAddress),
}

/// The representations that a format means: of the video or both, and of the audio
/// where it is apart.
///
/// # Errors
/// Those of sources; `not_media` when the manifest can't be used.
pub async fn find_representations(
    reader: &ListReader<'_>,
    address: &RemoteAddress,
    format: &Format,
    preference: FormatPreference,
) -> Result<VideoAndAudio<RepresentationKey>, Error> {
    let (manifest, _) = read_manifest(reader, address).await?;
    let list = manifest.periods.first().map(|period| period.representations.as_slice());
    let list = list.unwrap_or_default();
    // A format of a single track is one of the representations.
    if format.video.is_some() != format.audio.is_some() {
        let found = find_by_format(list, format).ok_or_else(|| {
            Error::never(Code::NotMedia, "the manifest does not hold the chosen format")
        })?;
        return Ok(VideoAndAudio { video: RepresentationKey::new(found), audio: None });
    }
    let formats: Vec<Format> = list.iter().enumerate().filter_map(as_format).collect();
    let choice = select_formats(&formats, preference);
    let find = |format: &Format| {
        let index = format.id.parse::<usize>().ok()?;
        list.get(index).map(RepresentationKey::new)
    };
    let video = choice.and_then(|choice| find(choice.video)).ok_or_else(|| no_video("stream"))?;
    let audio = choice.and_then(|choice| choice.audio).and_then(find);
    Ok(VideoAndAudio { video, audio })
}

/// The segments that a manifest lists now.
///
/// # Errors
/// As [`find_representations`].
pub async fn list_segments(
    reader: &ListReader<'_>,
    address: &RemoteAddress,
    key: &RepresentationKey,
    live: Option<LiveTimeline>,
    clock: &Clock,
) -> Result<RepresentationSource, Error> {
    let (manifest, url) = read_manifest(reader, address).await?;
    let mut list = ManifestList::new(&manifest, live, clock);
    list.rendition.headers.clone_from(&address.headers);
    for (index, period) in (0_u64..).zip(&manifest.periods) {
        let Some(found) = key.find_in(period) else {
            return Err(Error::never(Code::NotMedia, "a format ends within the stream"));
        };
        let base = resolve_bases(&url, found)?;
        match found.segments(period, list.now).map_err(unreadable_stream)? {
            SegmentSource::List(segments) => list.add(index, period, base, segments),
            SegmentSource::SingleFile if manifest.periods.len() == 1 => {
                let headers = address.headers.clone();
                return Ok(RepresentationSource::File(RemoteAddress { url: base, headers }));
            }
            SegmentSource::SingleFile => {
                return Err(Error::never(Code::NotMedia, "the stream is in several files"));
            }
        }
    }
    let pause = Duration::from_secs_f64(manifest.update_period.unwrap_or(2.0).clamp(0.5, 10.0));
    let rendition = list.finish();
    let has_ended = !manifest.dynamic;
    let listing = SegmentListing { rendition, has_ended, has_guessed_times: false, pause };
    Ok(RepresentationSource::Listing(listing))
}

/// The segments of a representation in all periods.
struct ManifestList<'a> {
    manifest: &'a Mpd,
    /// As of when a live manifest is read.
    now: Option<LiveMoment>,
    /// By how much the source's time 0 is later than the presentation's,
    /// microseconds.
    ahead_micros: i64,
    rendition: RenditionSegments,
    origins: BTreeMap<u64, i64>,
}

impl ManifestList<'_> {
    fn new<'a>(manifest: &'a Mpd, live: Option<LiveTimeline>, clock: &Clock) -> ManifestList<'a> {
        let start = manifest.availability_start_micros.unwrap_or(0);
        let at = clock.now().timestamp_micros().saturating_sub(start) as f64 / 1e6;
        let epoch = live.and_then(|live| live.epoch_micros).filter(|_| manifest.dynamic);
        ManifestList {
            manifest,
            now: manifest.dynamic.then_some(LiveMoment { at, window: manifest.window }),
            ahead_micros: epoch.map_or(0, |epoch| epoch.saturating_sub(start)),
            rendition: RenditionSegments::default(),
            origins: BTreeMap::new(),
        }
    }

    /// Adds the segments of a period.
    fn add(&mut self, index: u64, period: &Period, base: Url, list: dash::SegmentList) {
        // Of a live stream the first periods leave the list. A cast of a float
        // saturates.
        let discontinuity = if self.manifest.dynamic {
            micros_of_seconds(period.start).max(0) as u64
        } else {
            index
        };
        let rendition = &mut self.rendition;
        let base_index = rendition.bases.len();
        let locate = |url: SegmentUrl| SegmentLocation {
            base: base_index,
            uri: url.uri,
            range: url.range.map(Into::into),
        };
        let init = list.map.map(locate);
        let init_index = init.as_ref().map(|_| rendition.inits.len());
        rendition.inits.extend(init);
        rendition.bases.push(base);
        let ahead_seconds = self.ahead_micros as f64 / 1e6;
        rendition.segments.extend(list.segments.into_iter().map(|segment| StreamSegment {
            location: locate(segment.url),
            start: segment.start - ahead_seconds,
            duration: segment.duration,
            number: micros_of_seconds(segment.start).max(0) as u64,
            discontinuity,
            init: init_index,
            cipher: None,
        }));
        self.origins.insert(discontinuity, list.origin_micros.saturating_add(self.ahead_micros));
    }

    fn finish(self) -> RenditionSegments {
        RenditionSegments { origin: TimelineOrigin::Stated(self.origins), ..self.rendition }
    }
}

async fn read_manifest(
    reader: &ListReader<'_>,
    address: &RemoteAddress,
) -> Result<(Mpd, Url), Error> {
    let text = reader.read(address, dash::MANIFEST_SIZE).await?;
    Ok((Mpd::parse(&text.bytes).map_err(unreadable_stream)?, text.url))
}

/// The address that a representation's own ones are relative to.
fn resolve_bases(manifest: &Url, representation: &Representation) -> Result<Url, Error> {
    representation.bases.iter().try_fold(manifest.clone(), |base, part| {
        base.join(part)
            .map_err(|_| Error::never(Code::NotMedia, "the manifest names an odd address"))
    })
}

impl RepresentationKey {
    fn new(representation: &Representation) -> RepresentationKey {
        RepresentationKey {
            id: representation.id.clone(),
            kind: representation.kind,
            height: representation.height,
            bandwidth: representation.bandwidth,
        }
    }

    /// The same representation in a period: by its name, or else by what it is.
    fn find_in<'a>(&self, period: &'a Period) -> Option<&'a Representation> {
        let is_of_kind = |found: &&Representation| found.kind == self.kind;
        let of_kind = || period.representations.iter().filter(is_of_kind);
        let named = of_kind().find(|found| found.id == self.id && !found.id.is_empty());
        let is_alike = |found: &&Representation| {
            found.height == self.height && found.bandwidth == self.bandwidth
        };
        named.or_else(|| of_kind().find(is_alike))
    }
}

/// The representation that a source's format is: by its name, which sources put
/// something before, or else by height and rate.
fn find_by_format<'a>(list: &'a [Representation], format: &Format) -> Option<&'a Representation> {
    let kind = if format.video.is_some() { TrackKind::Video } else { TrackKind::Audio };
    let of_kind = || list.iter().filter(|found| found.kind == Some(kind));
    let ends_with_name = |found: &&Representation| {
        let rest = format.id.strip_suffix(&found.id).filter(|_| !found.id.is_empty());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('-'))
    };
    let height = format.video.as_ref().and_then(|video| video.height);
    let is_alike = |found: &&Representation| {
        let rates = found.bandwidth.zip(format.bitrate);
        let same_rate = rates.is_some_and(|(a, b)| (a as f64 - b).abs() <= b * 0.02);
        same_rate && (height.is_none() || found.height == height)
    };
    // The longest name is the least likely to fit by chance.
    let by_name = of_kind().filter(ends_with_name).max_by_key(|found| found.id.len());
    by_name.or_else(|| {
        let mut alike = of_kind().filter(is_alike);
        alike.next().filter(|_| alike.next().is_none())
    })
}

/// A representation as sources describe formats; its id is its index.
fn as_format((index, found): (usize, &Representation)) -> Option<Format> {
    let is_video = found.kind == Some(TrackKind::Video);
    if found.kind.is_none() || found.protected {
        return None;
    }
    Some(Format {
        id: index.to_string(),
        container: if found.mime.ends_with("webm") { Container::Webm } else { Container::Mp4 },
        video: is_video.then(|| VideoTrack {
            codec: found.codecs.clone(),
            width: found.width,
            height: found.height,
            fps: found.frame_rate,
        }),
        audio: (!is_video)
            .then(|| AudioTrack { codec: found.codecs.clone(), preferred: found.main }),
        // A cast of an integer to a float is near enough.
        bitrate: found.bandwidth.map(|bits| bits as f64),
        size: None,
        transport: Transport::Opaque,
    })
}
