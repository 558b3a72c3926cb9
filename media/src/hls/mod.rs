//! HLS playlists (RFC 8216): what they say, as far as fetching a span needs it.
//!
//! ```text
//! master playlist (4.3.4)     EXT-X-STREAM-INF  variants, each with its playlist
//!                             EXT-X-MEDIA       audio apart from the video
//! media playlist (4.3.2, 3)   EXT-X-TARGETDURATION, -MEDIA-SEQUENCE,
//!                             -DISCONTINUITY-SEQUENCE, -ENDLIST
//!   before a segment          EXTINF, EXT-X-BYTERANGE, -DISCONTINUITY, -KEY, -MAP,
//!                             -PROGRAM-DATE-TIME, -GAP
//! ```
//!
//! Text in, typed lists out. Addresses are left as they are written: the caller
//! resolves them and decides whether they may be fetched.
//!
//! Not supported:
//!
//! - `EXT-X-I-FRAMES-ONLY` is refused, and `EXT-X-I-FRAME-STREAM-INF` left out:
//!   such playlists hold keyframes alone.
//! - Encryption other than whole segments with AES-128 is kept by its name, so
//!   that the caller refuses it: `SAMPLE-AES` and key formats other than
//!   `identity` belong to rights management.
//! - Subtitles, closed captions, other videos of a group, `EXT-X-SESSION-DATA`,
//!   `EXT-X-SESSION-KEY`, `EXT-X-DATERANGE`: not needed for a clip.
//! - Parts, preload hints and delta updates of low-latency HLS: a clip can wait
//!   for whole segments.
//! - Variables (`EXT-X-DEFINE`): no server of the supported sources uses them.

mod attributes;
mod master_playlist;
mod media_playlist;
#[cfg(test)]
mod tests;

use crate::MediaError;

pub use master_playlist::{AudioRendition, MasterPlaylist, VariantStream};
pub use media_playlist::{
    EncryptionMethod, InitSection, MediaPlaylist, PlaylistSegment, SegmentKey,
};

/// Most bytes of a playlist.
pub const PLAYLIST_SIZE: usize = 16 * 1024 * 1024;

/// Either kind of playlist.
#[derive(Debug, Clone, PartialEq)]
pub enum Playlist {
    /// A list of other playlists.
    Master(MasterPlaylist),
    /// A list of segments.
    Media(MediaPlaylist),
}

impl Playlist {
    /// Reads a playlist.
    ///
    /// # Errors
    /// [`MediaErrorKind::Damaged`](crate::MediaErrorKind::Damaged) when it is none,
    /// [`MediaErrorKind::TooLarge`](crate::MediaErrorKind::TooLarge) beyond the bounds of this module.
    pub fn parse(text: &[u8]) -> Result<Playlist, MediaError> {
        if text.len() > PLAYLIST_SIZE {
            return Err(MediaError::too_large("a playlist of more than 16 MiB"));
        }
        let text = String::from_utf8_lossy(text);
        let text = text.trim_start_matches('\u{feff}');
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        if lines.next().is_none_or(|line| !line.starts_with("#EXTM3U")) {
            return Err(MediaError::damaged("this is no playlist"));
        }
        let is_master =
            |line: &str| line.starts_with("#EXT-X-STREAM-INF") || line.starts_with("#EXT-X-MEDIA:");
        if lines.clone().any(is_master) {
            MasterPlaylist::parse(lines).map(Playlist::Master)
        } else {
            MediaPlaylist::parse(lines).map(Playlist::Media)
        }
    }
}
