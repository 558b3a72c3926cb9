//! HLS (RFC 8216): from the address of a playlist to the segments of video and
//! audio.

use std::ops::Range;
use std::time::Duration;

use clipmill_core::probe::{AudioTrack, Container, Format, Transport, VideoTrack};
use clipmill_core::{Clock, Code, Error, micros_of_seconds};
use clipmill_media::hls::{
    self, EncryptionMethod, MasterPlaylist, MediaPlaylist, Playlist, PlaylistSegment, VariantStream,
};
use url::Url;

use super::list_reader::ListReader;
use super::rendition::{LiveTimeline, RenditionSegments, SegmentListing, TimelineOrigin};
use super::segment::{SegmentCipher, SegmentLocation, StreamSegment, unreadable_stream};
use crate::fetch::select_format::{FormatPreference, select_formats};
use crate::fetch::span::still_live;
use crate::fetch::tracks::VideoAndAudio;
use crate::fetch::transfer::RemoteAddress;
use crate::ffmpeg::no_video;

/// The media playlists that the one at an address leads to: of the video, and of
/// the audio where it is apart.
///
/// # Errors
/// Those of sources; `not_media` when it can't be used.
pub async fn find_playlists(
    reader: &ListReader<'_>,
    address: &RemoteAddress,
    preference: FormatPreference,
) -> Result<VideoAndAudio<RemoteAddress>, Error> {
    let (playlist, url) = read_playlist(reader, address).await?;
    let Playlist::Master(master) = playlist else {
        return Ok(VideoAndAudio { video: address.clone(), audio: None });
    };
    let variant = select_variant(&master, preference)?;
    let follow = |uri: &str| {
        let url = url
            .join(uri)
            .map_err(|_| Error::never(Code::NotMedia, "the playlist names an odd address"))?;
        Ok::<_, Error>(RemoteAddress { url, headers: address.headers.clone() })
    };
    let audio = audio_playlist(&master, variant).map(follow).transpose()?;
    Ok(VideoAndAudio { video: follow(&variant.uri)?, audio })
}

/// The segments that a media playlist lists now.
///
/// # Errors
/// Those of sources; `not_media` when it can't be used, `still_live` when a live
/// stream does not state its time.
pub async fn list_segments(
    reader: &ListReader<'_>,
    address: &RemoteAddress,
    live: Option<LiveTimeline>,
    clock: &Clock,
) -> Result<SegmentListing, Error> {
    let (Playlist::Media(playlist), url) = read_playlist(reader, address).await? else {
        return Err(Error::never(Code::NotMedia, "the stream's playlist leads to another list"));
    };
    let mut rendition = rendition(&playlist, &url, address)?;
    let has_first = playlist.segments.first().is_none_or(|segment| segment.sequence == 0);
    let is_complete = playlist.ended && has_first;
    let mut has_guessed_times = false;
    if let Some(LiveTimeline { epoch_micros: Some(epoch) }) = live
        && !is_complete
    {
        let times = playlist.program_times();
        has_guessed_times = times.is_none();
        let times = times.unwrap_or_else(|| guess_times(&playlist, clock));
        for (segment, time) in rendition.segments.iter_mut().zip(times) {
            segment.start = time.saturating_sub(epoch) as f64 / 1e6;
        }
        rendition.origin = TimelineOrigin::FirstFetched;
    } else if !playlist.ended && !has_first {
        return Err(still_live());
    }
    let pause = Duration::from_secs_f64(playlist.target_duration.clamp(0.5, 10.0));
    Ok(SegmentListing { rendition, has_ended: playlist.ended, has_guessed_times, pause })
}

/// When each segment was recorded, microseconds since 1970, of a playlist that does
/// not state it: its last segment has just been completed.
fn guess_times(playlist: &MediaPlaylist, clock: &Clock) -> Vec<i64> {
    let length: f64 = playlist.segments.iter().map(|segment| segment.duration).sum();
    let first = clock.now().timestamp_micros() - micros_of_seconds(length);
    playlist.starts().iter().map(|start| first.saturating_add(micros_of_seconds(*start))).collect()
}

async fn read_playlist(
    reader: &ListReader<'_>,
    address: &RemoteAddress,
) -> Result<(Playlist, Url), Error> {
    let text = reader.read(address, hls::PLAYLIST_SIZE).await?;
    Ok((Playlist::parse(&text.bytes).map_err(unreadable_stream)?, text.url))
}

/// The variant by the rule for formats.
fn select_variant(
    master: &MasterPlaylist,
    preference: FormatPreference,
) -> Result<&VariantStream, Error> {
    let formats: Vec<Format> = master.variants.iter().enumerate().map(as_format).collect();
    let choice = select_formats(&formats, preference);
    let index = choice.and_then(|choice| choice.video.id.parse::<usize>().ok());
    index.and_then(|index| master.variants.get(index)).ok_or_else(|| no_video("stream"))
}

/// A variant as sources describe formats; its id is its index.
fn as_format((index, variant): (usize, &VariantStream)) -> Format {
    const AUDIO: [&str; 6] = ["mp4a", "ac-3", "ec-3", "opus", "flac", "mp3"];
    let is_audio = |codec: &String| AUDIO.iter().any(|name| codec.starts_with(name));
    let video_codec = variant.codecs.iter().find(|codec| !is_audio(codec)).cloned();
    let has_video =
        variant.resolution.is_some() || variant.codecs.is_empty() || video_codec.is_some();
    Format {
        id: index.to_string(),
        container: Container::Mp4,
        video: has_video.then(|| VideoTrack {
            codec: video_codec,
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

/// The playlist of the audio that goes with a variant; none when it is in the
/// variant itself.
fn audio_playlist<'a>(master: &'a MasterPlaylist, variant: &VariantStream) -> Option<&'a str> {
    let group = variant.audio_group.as_deref()?;
    let of_group = master.audio.iter().filter(|audio| audio.group == group);
    let best = of_group.rev().max_by_key(|audio| (audio.default, audio.autoselect))?;
    best.uri.as_deref()
}

/// The segments of a media playlist.
fn rendition(
    playlist: &MediaPlaylist,
    base: &Url,
    address: &RemoteAddress,
) -> Result<RenditionSegments, Error> {
    let inits = playlist.maps.iter().map(|init| locate(&init.uri, init.range.as_ref()));
    let mut rendition = RenditionSegments {
        headers: address.headers.clone(),
        bases: vec![base.clone()],
        inits: inits.collect(),
        ..RenditionSegments::default()
    };
    for key in &playlist.keys {
        let uri = key.uri.as_deref().filter(|_| key.method == EncryptionMethod::Aes128);
        let uri = uri.ok_or_else(|| {
            Error::never(Code::NotMedia, "the stream is encrypted in a way that is not known")
        })?;
        rendition.keys.push(locate(uri, None));
    }
    for (segment, start) in playlist.segments.iter().zip(playlist.starts()) {
        rendition.segments.push(StreamSegment {
            location: locate(&segment.uri, segment.range.as_ref()),
            start,
            duration: segment.duration,
            number: segment.sequence,
            discontinuity: segment.discontinuity,
            init: segment.map,
            cipher: segment.key.map(|key| cipher(playlist, segment, key)),
        });
    }
    Ok(rendition)
}

fn locate(uri: &str, range: Option<&Range<u64>>) -> SegmentLocation {
    let range = range.map(|range| range.clone().into());
    SegmentLocation { base: 0, uri: uri.to_owned(), range }
}

/// Where the playlist states no initialization vector, the segment's number is it
/// (RFC 8216, 5.2).
fn cipher(playlist: &MediaPlaylist, segment: &PlaylistSegment, key: usize) -> SegmentCipher {
    let stated = playlist.keys.get(key).and_then(|key| key.iv);
    SegmentCipher { key, iv: stated.unwrap_or(u128::from(segment.sequence).to_be_bytes()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use clipmill_core::Time;

    use super::*;

    #[test]
    fn the_last_segment_of_a_playlist_without_times_ends_now() {
        let text = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:4,\na.ts\n#EXTINF:2,\nb.ts\n";
        let Ok(Playlist::Media(playlist)) = Playlist::parse(text.as_bytes()) else {
            panic!("a media playlist");
        };
        let now: Time = "2026-01-01T12:00:06Z".parse().unwrap();
        let clock = Clock::from_fn(move || now);
        let start = now.timestamp_micros() - 6_000_000;
        assert_eq!(guess_times(&playlist, &clock), [start, start + 4_000_000]);
    }
}
