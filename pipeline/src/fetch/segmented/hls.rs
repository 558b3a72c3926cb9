//! HLS: from the address of a playlist to the segments of picture and sound.

use std::ops::Range;
use std::time::Duration;

use clipmill_core::probe::{AudioTrack, Container, Format, Transport, VideoTrack};
use clipmill_core::{Code, Error, micros_of_seconds};
use clipmill_media::hls::{
    self, EncryptionMethod, MasterPlaylist, MediaPlaylist, Playlist, VariantStream,
};
use url::Url;

use crate::fetch::segmented::{Fetcher, Place, Reel, Segment, Zero, refused};
use crate::fetch::transfer::range_request::Remote;
use crate::fetch::{select_format, span};
use crate::ffmpeg::no_video;

/// What is wanted of a playlist that offers a choice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taste<'a> {
    /// `mp4`, `webm` or `best`.
    pub format: &'a str,
    /// Pixels.
    pub max_height: Option<u32>,
}

/// Of a stream that runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Running {
    /// When the source's time 0 was, microseconds since 1970, if that is known.
    pub epoch_micros: Option<i64>,
}

/// What a list of segments holds now.
#[derive(Debug)]
pub(crate) struct Listed {
    pub reel: Reel,
    /// Whether nothing is added any more.
    pub ended: bool,
    /// Whether its times are guessed.
    pub rough: bool,
    /// When it is worth to be read again.
    pub pause: Duration,
}

/// The media playlists that the one at an address leads to: of the picture,
/// and of the sound where it is apart.
///
/// # Errors
/// Those of sources; `not_media` when it can't be used.
pub(crate) async fn find(
    fetcher: &Fetcher<'_>,
    remote: &Remote,
    taste: Taste<'_>,
) -> Result<(Remote, Option<Remote>), Error> {
    let (playlist, url) = load(fetcher, remote).await?;
    let Playlist::Master(master) = playlist else {
        return Ok((remote.clone(), None));
    };
    let variant = variant(&master, taste)?;
    let follow = |uri: &str| {
        let url = url
            .join(uri)
            .map_err(|_| Error::never(Code::NotMedia, "the playlist names an odd address"))?;
        Ok::<_, Error>(Remote { url, headers: remote.headers.clone() })
    };
    let audio = sound(&master, variant).map(follow).transpose()?;
    Ok((follow(&variant.uri)?, audio))
}

/// The segments that a media playlist lists now.
///
/// # Errors
/// Those of sources; `not_media` when it can't be used, `still_live` when a
/// running stream does not tell its time.
pub(crate) async fn read(
    fetcher: &Fetcher<'_>,
    remote: &Remote,
    running: Option<Running>,
) -> Result<Listed, Error> {
    let (Playlist::Media(media), url) = load(fetcher, remote).await? else {
        return Err(Error::never(Code::NotMedia, "the stream's playlist leads to another list"));
    };
    let mut reel = reel(&media, &url, remote)?;
    let begins = media.segments.first().is_none_or(|segment| segment.sequence == 0);
    let mut rough = false;
    if let Some(Running { epoch_micros: Some(epoch) }) = running
        && !(media.ended && begins)
    {
        let length: f64 = media.segments.iter().map(|segment| segment.duration).sum();
        let recorded = media.program_times().unwrap_or_else(|| {
            // Without times of its own the newest segment has just come.
            rough = true;
            let first = chrono::Utc::now().timestamp_micros() - micros_of_seconds(length);
            media
                .starts()
                .iter()
                .map(|start| first.saturating_add(micros_of_seconds(*start)))
                .collect()
        });
        for (segment, recorded) in reel.segments.iter_mut().zip(recorded) {
            segment.start = recorded.saturating_sub(epoch) as f64 / 1e6;
        }
        reel.zero = Zero::Fetched;
    } else if !media.ended && !begins {
        return Err(span::still_live());
    }
    let pause = media.target_duration.clamp(0.5, 10.0);
    Ok(Listed { reel, ended: media.ended, rough, pause: Duration::from_secs_f64(pause) })
}

async fn load(fetcher: &Fetcher<'_>, remote: &Remote) -> Result<(Playlist, Url), Error> {
    let text = fetcher.text(remote, hls::PLAYLIST_SIZE).await?;
    Ok((Playlist::parse(&text.bytes).map_err(refused)?, text.url))
}

/// The variant by the rule for formats.
fn variant<'a>(master: &'a MasterPlaylist, taste: Taste<'_>) -> Result<&'a VariantStream, Error> {
    let formats: Vec<Format> = master.variants.iter().enumerate().map(format).collect();
    let chosen = select_format::choose(&formats, taste.format, taste.max_height);
    let place = chosen.and_then(|choice| choice.video.id.parse::<usize>().ok());
    place.and_then(|place| master.variants.get(place)).ok_or_else(|| no_video("stream"))
}

/// A variant as sources describe formats.
fn format((place, variant): (usize, &VariantStream)) -> Format {
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
fn sound<'a>(master: &'a MasterPlaylist, variant: &VariantStream) -> Option<&'a str> {
    let group = variant.audio_group.as_deref()?;
    let of_group = master.audio.iter().filter(|sound| sound.group == group);
    let best = of_group.rev().max_by_key(|sound| (sound.default, sound.autoselect))?;
    best.uri.as_deref()
}

/// The segments of a media playlist.
fn reel(media: &MediaPlaylist, base: &Url, remote: &Remote) -> Result<Reel, Error> {
    let place = |uri: &str, range: Option<&Range<u64>>| Place {
        base: 0,
        uri: uri.to_owned(),
        range: range.cloned(),
    };
    let mut reel = Reel { headers: remote.headers.clone(), ..Reel::default() };
    reel.bases.push(base.clone());
    reel.maps = media.maps.iter().map(|map| place(&map.uri, map.range.as_ref())).collect();
    for key in &media.keys {
        let uri = key.uri.as_deref().filter(|_| key.method == EncryptionMethod::Aes128);
        let uri = uri.ok_or_else(|| {
            Error::never(Code::NotMedia, "the stream is encrypted in a way that is not known")
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
            number: segment.sequence,
            run: segment.discontinuity,
            map: segment.map,
            key: segment.key.map(vector),
        });
    }
    Ok(reel)
}
