//! Master playlists (RFC 8216, 4.3.4).

use super::attributes::Attributes;
use crate::MediaError;

/// Most variants and renditions of one master playlist.
const VARIANTS: usize = 2_000;

/// The streams that can be chosen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MasterPlaylist {
    /// In the order of the playlist; those of keyframes alone are left out.
    pub variants: Vec<VariantStream>,
    /// Audio apart from the video, in the order of the playlist.
    pub audio: Vec<AudioRendition>,
}

/// One stream: `EXT-X-STREAM-INF`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VariantStream {
    /// Its media playlist.
    pub uri: String,
    /// Most bits per second, with all its renditions.
    pub bandwidth: Option<u64>,
    /// Width and height in pixels.
    pub resolution: Option<(u32, u32)>,
    /// Frames per second.
    pub frame_rate: Option<f64>,
    /// Codecs as RFC 6381 spells them; empty when the playlist has none.
    pub codecs: Vec<String>,
    /// The group of audio renditions that go with it.
    pub audio_group: Option<String>,
}

/// Audio apart from the video: `EXT-X-MEDIA` of type `AUDIO`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AudioRendition {
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// RFC 5646.
    pub language: Option<String>,
    /// Its media playlist; none when the variant itself holds it.
    pub uri: Option<String>,
    /// Whether it is played unless a person chooses another one.
    pub default: bool,
    /// Whether a player may choose it by itself.
    pub autoselect: bool,
}

impl MasterPlaylist {
    /// Reads the lines behind the first one.
    pub(super) fn parse<'a>(
        lines: impl Iterator<Item = &'a str>,
    ) -> Result<MasterPlaylist, MediaError> {
        let mut master = MasterPlaylist::default();
        let mut next: Option<VariantStream> = None;
        for line in lines {
            if let Some(list) = line.strip_prefix("#EXT-X-STREAM-INF:") {
                next = Some(VariantStream::from_attributes(&Attributes::parse(list)));
            } else if let Some(list) = line.strip_prefix("#EXT-X-MEDIA:") {
                let list = Attributes::parse(list);
                if list.get("TYPE") == Some("AUDIO") {
                    master.audio.push(AudioRendition::from_attributes(&list));
                }
            } else if !line.starts_with('#')
                && let Some(variant) = next.take()
            {
                master.variants.push(VariantStream { uri: line.to_owned(), ..variant });
            }
            if master.variants.len() + master.audio.len() > VARIANTS {
                return Err(MediaError::too_large("a playlist of more than 2000 variants"));
            }
        }
        if master.variants.is_empty() {
            return Err(MediaError::damaged("a playlist of variants without one"));
        }
        Ok(master)
    }
}

impl VariantStream {
    /// A variant without its address, which is on the next line.
    fn from_attributes(list: &Attributes<'_>) -> VariantStream {
        let resolution = list.get("RESOLUTION").and_then(|text| {
            let (width, height) = text.split_once(['x', 'X'])?;
            Some((width.trim().parse().ok()?, height.trim().parse().ok()?))
        });
        let names = list.get("CODECS").unwrap_or_default().split(',').map(str::trim);
        VariantStream {
            uri: String::new(),
            bandwidth: list.parse_value("BANDWIDTH"),
            resolution,
            frame_rate: list
                .parse_value("FRAME-RATE")
                .filter(|rate: &f64| rate.is_finite() && *rate > 0.0),
            codecs: names.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            audio_group: list.get("AUDIO").map(str::to_owned),
        }
    }
}

impl AudioRendition {
    fn from_attributes(list: &Attributes<'_>) -> AudioRendition {
        AudioRendition {
            group: list.get("GROUP-ID").unwrap_or_default().to_owned(),
            name: list.get("NAME").unwrap_or_default().to_owned(),
            language: list.get("LANGUAGE").map(str::to_owned),
            uri: list.get("URI").filter(|uri| !uri.is_empty()).map(str::to_owned),
            default: list.is_yes("DEFAULT"),
            autoselect: list.is_yes("AUTOSELECT"),
        }
    }
}
