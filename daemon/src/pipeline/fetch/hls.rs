//! HLS: from the address of a playlist to the segments of picture and sound.

use std::ops::Range;

use clipmill_media::hls::{self, Master, Media, Method, Playlist, Variant};
use clipmill_plugins::media::{AudioTrack, Container, Format, Transport, VideoTrack};
use url::Url;

use super::choose;
use super::request::Remote;
use super::segments::{Fetcher, Place, Reel, Segment, refused};
use crate::pipeline::StageError;

/// What is wanted of a playlist that offers a choice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taste<'a> {
    /// `mp4`, `webm` or `best`.
    pub format: &'a str,
    /// Pixels.
    pub max_height: Option<u32>,
}

/// The segments of a stream.
#[derive(Debug)]
pub(super) struct Reels {
    /// Picture, perhaps with sound.
    pub video: Reel,
    /// The sound, where it is apart.
    pub audio: Option<Reel>,
}

/// Reads the playlist at an address, and those that it leads to.
///
/// # Errors
/// Those of sources; `not_media` when it can't be used, `still_live` when it
/// still grows.
pub(super) async fn open(
    fetcher: &Fetcher<'_>,
    remote: &Remote,
    taste: Taste<'_>,
) -> Result<Reels, StageError> {
    let (playlist, url) = load(fetcher, remote).await?;
    let master = match playlist {
        Playlist::Media(media) => {
            return Ok(Reels { video: reel(&media, &url, remote)?, audio: None });
        }
        Playlist::Master(master) => master,
    };
    let variant = variant(&master, taste)?;
    let video = follow(fetcher, remote, &url, &variant.uri).await?;
    let audio = match sound(&master, variant) {
        Some(uri) => Some(follow(fetcher, remote, &url, uri).await?),
        None => None,
    };
    Ok(Reels { video, audio })
}

/// The media playlist that a master leads to.
async fn follow(
    fetcher: &Fetcher<'_>,
    remote: &Remote,
    base: &Url,
    uri: &str,
) -> Result<Reel, StageError> {
    let url = base
        .join(uri)
        .map_err(|_| StageError::never("not_media", "the playlist names an odd address"))?;
    let remote = Remote { url, headers: remote.headers.clone() };
    match load(fetcher, &remote).await? {
        (Playlist::Media(media), url) => reel(&media, &url, &remote),
        (Playlist::Master(_), _) => {
            Err(StageError::never("not_media", "the stream's playlist leads to another list"))
        }
    }
}

async fn load(fetcher: &Fetcher<'_>, remote: &Remote) -> Result<(Playlist, Url), StageError> {
    let (bytes, url) = fetcher.text(remote, hls::LONGEST).await?;
    Ok((Playlist::parse(&bytes).map_err(refused)?, url))
}

/// The variant by the rule for formats.
fn variant<'a>(master: &'a Master, taste: Taste<'_>) -> Result<&'a Variant, StageError> {
    let formats: Vec<Format> = master.variants.iter().enumerate().map(format).collect();
    let chosen = choose::choose(&formats, taste.format, taste.max_height);
    let place = chosen.and_then(|choice| choice.video.id.parse::<usize>().ok());
    place
        .and_then(|place| master.variants.get(place))
        .ok_or_else(|| StageError::never("no_video", "the stream offers no moving picture"))
}

/// A variant as sources describe formats.
fn format((place, variant): (usize, &Variant)) -> Format {
    let is_sound = |codec: &String| {
        ["mp4a", "ac-3", "ec-3", "opus", "flac", "mp3"].iter().any(|name| codec.starts_with(name))
    };
    let picture = variant.codecs.iter().find(|codec| !is_sound(codec)).cloned();
    let shows = variant.resolution.is_some() || variant.codecs.is_empty() || picture.is_some();
    Format {
        id: place.to_string(),
        container: Container::Mp4,
        video: shows.then(|| VideoTrack {
            codec: picture,
            width: variant.resolution.map(|(width, _)| width),
            height: variant.resolution.map(|(_, height)| height),
            fps: variant.frame_rate,
        }),
        audio: Some(AudioTrack::default()),
        // A cast of an integer to a float is near enough.
        bitrate: variant.bandwidth.map(|bits| bits as f64),
        size: None,
        transport: Transport::Opaque,
    }
}

/// The playlist of the sound that goes with a variant; none when it is in the
/// variant itself.
fn sound<'a>(master: &'a Master, variant: &Variant) -> Option<&'a str> {
    let group = variant.audio.as_deref()?;
    let of_group = master.sounds.iter().filter(|sound| sound.group == group);
    let best = of_group.rev().max_by_key(|sound| (sound.default, sound.autoselect))?;
    best.uri.as_deref()
}

/// The segments of a media playlist.
fn reel(media: &Media, base: &Url, remote: &Remote) -> Result<Reel, StageError> {
    let place = |uri: &str, range: Option<&Range<u64>>| Place {
        base: 0,
        uri: uri.to_owned(),
        range: range.cloned(),
    };
    let mut reel = Reel { headers: remote.headers.clone(), ..Reel::default() };
    reel.bases.push(base.clone());
    reel.maps = media.maps.iter().map(|map| place(&map.uri, map.range.as_ref())).collect();
    for key in &media.keys {
        let uri = key.uri.as_deref().filter(|_| key.method == Method::Aes128);
        let uri = uri.ok_or_else(|| {
            StageError::never("not_media", "the stream is encrypted in a way that is not known")
        })?;
        reel.keys.push(place(uri, None));
    }
    for (segment, start) in media.segments.iter().zip(media.starts()) {
        let vector = |number: usize| {
            let told = media.keys.get(number).and_then(|key| key.iv);
            (number, told.unwrap_or(u128::from(segment.sequence).to_be_bytes()))
        };
        reel.segments.push(Segment {
            place: place(&segment.uri, segment.range.as_ref()),
            start,
            duration: segment.duration,
            run: segment.discontinuity,
            map: segment.map,
            key: segment.key.map(vector),
        });
    }
    Ok(reel)
}
