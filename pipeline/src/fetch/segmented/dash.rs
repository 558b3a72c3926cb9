//! DASH: from the address of a manifest to the segments of picture and sound.

use std::collections::BTreeMap;
use std::time::Duration;

use clipmill_core::probe::{AudioTrack, Container, Format, Transport, VideoTrack};
use clipmill_core::{Code, Error, micros_of_seconds};
use clipmill_media::TrackKind;
use clipmill_media::dash::{self, Manifest, Period, Representation, SegmentSource};
use url::Url;

use crate::fetch::segmented::hls::{Listed, Running, Taste};
use crate::fetch::segmented::{Fetcher, Place, Reel, Segment, Zero, refused};
use crate::fetch::select_format;
use crate::fetch::transfer::range_request::Remote;
use crate::ffmpeg::no_video;

/// A representation, which may have another name in each period.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    id: String,
    kind: Option<TrackKind>,
    height: Option<u32>,
    bandwidth: Option<u64>,
}

/// What a representation is.
pub(crate) enum Found {
    /// Segments by a list.
    Listed(Listed),
    /// One file with an index of its own.
    File(Remote),
}

/// The representations that a format means: picture or both, and the sound
/// where it is apart.
///
/// # Errors
/// Those of sources; `not_media` when the manifest can't be used.
pub(crate) async fn find(
    fetcher: &Fetcher<'_>,
    remote: &Remote,
    format: &Format,
    taste: Taste<'_>,
) -> Result<(Wanted, Option<Wanted>), Error> {
    let (manifest, _) = load(fetcher, remote).await?;
    let list = manifest.periods.first().map(|period| period.representations.as_slice());
    let list = list.unwrap_or_default();
    // A format of a single track is one of the representations.
    if format.video.is_some() != format.audio.is_some() {
        let found = named(list, format).ok_or_else(|| {
            Error::never(Code::NotMedia, "the manifest does not hold the chosen format")
        })?;
        return Ok((Wanted::of(found), None));
    }
    let formats: Vec<Format> = list.iter().enumerate().filter_map(as_format).collect();
    let choice = select_format::choose(&formats, taste.format, taste.max_height);
    let at = |format: &Format| format.id.parse().ok().and_then(|place: usize| list.get(place));
    let picture = choice.and_then(|choice| at(choice.video));
    let picture = picture.ok_or_else(|| no_video("stream"))?;
    let sound = choice.and_then(|choice| choice.audio).and_then(at);
    Ok((Wanted::of(picture), sound.map(Wanted::of)))
}

/// The segments that a manifest lists now.
///
/// # Errors
/// As [`find`].
pub(crate) async fn read(
    fetcher: &Fetcher<'_>,
    remote: &Remote,
    wanted: &Wanted,
    running: Option<Running>,
) -> Result<Found, Error> {
    let (manifest, url) = load(fetcher, remote).await?;
    let mut reel = Reel { headers: remote.headers.clone(), ..Reel::default() };
    let mut zeros = BTreeMap::new();
    let began = manifest.availability_start_micros.unwrap_or(0);
    let now = chrono::Utc::now().timestamp_micros().saturating_sub(began) as f64 / 1e6;
    let now = dash::LiveMoment { at: now, window: manifest.window };
    let now = manifest.dynamic.then_some(now);
    // From the presentation's time to the source's.
    let ahead = match (manifest.dynamic, running.and_then(|running| running.epoch_micros)) {
        (true, Some(epoch)) => epoch.saturating_sub(began),
        (_, None) | (false, _) => 0,
    };
    for (place, period) in (0_u64..).zip(&manifest.periods) {
        // Of a live stream the first periods leave the list.
        let run = match manifest.dynamic {
            // A cast of a float saturates.
            true => micros_of_seconds(period.start).max(0) as u64,
            false => place,
        };
        let Some(found) = wanted.within(period) else {
            return Err(Error::never(Code::NotMedia, "a format ends within the stream"));
        };
        let mut base = url.clone();
        for part in &found.bases {
            base = base
                .join(part)
                .map_err(|_| Error::never(Code::NotMedia, "the manifest names an odd address"))?;
        }
        let list = match found.segments(period, now).map_err(refused)? {
            SegmentSource::List(list) => list,
            SegmentSource::SingleFile if manifest.periods.len() == 1 => {
                return Ok(Found::File(Remote { url: base, headers: reel.headers }));
            }
            SegmentSource::SingleFile => {
                return Err(Error::never(Code::NotMedia, "the stream is in several files"));
            }
        };
        let place =
            |of: dash::SegmentUrl| Place { base: reel.bases.len(), uri: of.uri, range: of.range };
        let map = list.map.map(place);
        let segments = list.segments.into_iter().map(|segment| Segment {
            place: place(segment.url),
            start: segment.start - ahead as f64 / 1e6,
            duration: segment.duration,
            // A cast of a float saturates.
            number: micros_of_seconds(segment.start).max(0) as u64,
            run,
            map: map.as_ref().map(|_| reel.maps.len()),
            key: None,
        });
        let segments: Vec<Segment> = segments.collect();
        reel.segments.extend(segments);
        reel.maps.extend(map);
        reel.bases.push(base);
        zeros.insert(run, list.origin_micros.saturating_add(ahead));
    }
    reel.zero = Zero::Told(zeros);
    let pause = Duration::from_secs_f64(manifest.update_period.unwrap_or(2.0).clamp(0.5, 10.0));
    Ok(Found::Listed(Listed { reel, ended: !manifest.dynamic, rough: false, pause }))
}

async fn load(fetcher: &Fetcher<'_>, remote: &Remote) -> Result<(Manifest, Url), Error> {
    let text = fetcher.text(remote, dash::MANIFEST_SIZE).await?;
    Ok((Manifest::parse(&text.bytes).map_err(refused)?, text.url))
}

impl Wanted {
    fn of(representation: &Representation) -> Wanted {
        Wanted {
            id: representation.id.clone(),
            kind: representation.kind,
            height: representation.height,
            bandwidth: representation.bandwidth,
        }
    }

    /// The same in a period: by its name, or else by what it is.
    fn within<'a>(&self, period: &'a Period) -> Option<&'a Representation> {
        let alike = |found: &&Representation| found.kind == self.kind;
        let list = || period.representations.iter().filter(alike);
        let named = list().find(|found| found.id == self.id && !found.id.is_empty());
        let same = |found: &&Representation| {
            found.height == self.height && found.bandwidth == self.bandwidth
        };
        named.or_else(|| list().find(same))
    }
}

/// The representation that a source's format is: by its name, which sources
/// put something before, or else by height and rate.
fn named<'a>(list: &'a [Representation], format: &Format) -> Option<&'a Representation> {
    let kind = if format.video.is_some() { TrackKind::Video } else { TrackKind::Audio };
    let alike = || list.iter().filter(|found| found.kind == Some(kind));
    let ends = |found: &&Representation| {
        let rest = format.id.strip_suffix(&found.id).filter(|_| !found.id.is_empty());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('-'))
    };
    let height = format.video.as_ref().and_then(|video| video.height);
    let near = |found: &&Representation| {
        let rates = found.bandwidth.zip(format.bitrate);
        let same = rates.is_some_and(|(a, b)| (a as f64 - b).abs() <= b * 0.02);
        same && (height.is_none() || found.height == height)
    };
    // The longest name is the least likely to fit by chance.
    let by_name = alike().filter(ends).max_by_key(|found| found.id.len());
    by_name.or_else(|| {
        let mut near = alike().filter(near);
        near.next().filter(|_| near.next().is_none())
    })
}

/// A representation as sources describe formats.
fn as_format((place, of): (usize, &Representation)) -> Option<Format> {
    let picture = of.kind == Some(TrackKind::Video);
    if of.kind.is_none() || of.protected {
        return None;
    }
    Some(Format {
        id: place.to_string(),
        container: if of.mime.ends_with("webm") { Container::Webm } else { Container::Mp4 },
        video: picture.then(|| VideoTrack {
            codec: of.codecs.clone(),
            width: of.width,
            height: of.height,
            fps: of.frame_rate,
        }),
        audio: (!picture).then(|| AudioTrack { codec: of.codecs.clone(), preferred: of.main }),
        bitrate: of.bandwidth.map(|bits| bits as f64),
        size: None,
        transport: Transport::Opaque,
    })
}
