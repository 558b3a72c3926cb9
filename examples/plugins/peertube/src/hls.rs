//! HLS master playlists (RFC 8216), as far as PeerTube writes them.

use clipmill_plugin::address::Address;

/// A media playlist.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rendition {
    pub url: String,
    pub has_video: bool,
    pub has_audio: bool,
    pub codecs: Option<String>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub fps: Option<f64>,
    /// Bits per second.
    pub bitrate: Option<f64>,
}

/// The media playlists of a master playlist; a media playlist is its only one.
pub fn parse(text: &str, base: &str) -> Vec<Rendition> {
    let mut renditions = Vec::new();
    let mut pending: Option<Rendition> = None;
    for line in text.lines().map(str::trim) {
        if let Some(list) = line.strip_prefix("#EXT-X-STREAM-INF:") {
            pending = Some(variant(list));
        } else if let Some(list) = line.strip_prefix("#EXT-X-MEDIA:") {
            renditions.extend(sound(list, base));
        } else if line.is_empty() || line.starts_with('#') {
            continue;
        } else if let (Some(rendition), Some(url)) = (pending.take(), join(base, line)) {
            renditions.push(Rendition { url, ..rendition });
        }
    }
    if renditions.is_empty() && text.contains("#EXTINF") {
        let url = base.to_string();
        renditions.push(Rendition {
            url,
            has_video: true,
            has_audio: true,
            ..Rendition::default()
        });
    }
    renditions
}

fn variant(list: &str) -> Rendition {
    let size = attribute(list, "RESOLUTION").and_then(|size| {
        let (width, height) = size.split_once('x')?;
        Some((width.parse().ok()?, height.parse().ok()?))
    });
    let number = |name| attribute(list, name).and_then(|text| text.parse().ok());
    let codecs = attribute(list, "CODECS");
    let is_sound = size.is_none() && codecs.is_some_and(|codecs| codecs.starts_with("mp4a"));
    Rendition {
        url: String::new(),
        has_video: !is_sound,
        // The sound of a group has a playlist of its own.
        has_audio: attribute(list, "AUDIO").is_none(),
        codecs: codecs.map(String::from),
        width: size.map(|(width, _)| width),
        height: size.map(|(_, height)| height),
        fps: number("FRAME-RATE"),
        bitrate: number("AVERAGE-BANDWIDTH").or_else(|| number("BANDWIDTH")),
    }
}

fn sound(list: &str, base: &str) -> Option<Rendition> {
    if attribute(list, "TYPE") != Some("AUDIO") {
        return None;
    }
    let url = join(base, attribute(list, "URI")?)?;
    Some(Rendition { url, has_audio: true, ..Rendition::default() })
}

/// The value of an attribute, without quotes. Commas within quotes don't count.
fn attribute<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = list;
    while let Some((key, value)) = rest.split_once('=') {
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => {
                let (value, after) = quoted.split_once('"')?;
                (value, after.strip_prefix(',').unwrap_or(after))
            }
            None => value.split_once(',').unwrap_or((value, "")),
        };
        if key.trim() == name {
            return Some(value);
        }
        rest = after;
    }
    None
}

/// The address that a reference in the file at `base` means.
fn join(base: &str, reference: &str) -> Option<String> {
    if reference.contains("://") {
        return Some(reference.into());
    }
    let address = Address::parse(base)?;
    if let Some(rest) = reference.strip_prefix("//") {
        return Some(format!("{}://{rest}", address.scheme));
    }
    if reference.starts_with('/') {
        return Some(format!("{}{reference}", address.origin()));
    }
    let folder = &address.path[..=address.path.rfind('/')?];
    Some(format!("{}{folder}{reference}", address.origin()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://tube.example/hls/1/master.m3u8?t=1";

    #[test]
    fn a_master_playlist_has_variants_and_sound() {
        let text = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"/a.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=900,RESOLUTION=640x360,FRAME-RATE=29.97,\
            CODECS=\"avc1.64001f,mp4a.40.2\",AUDIO=\"a\"\r\n360.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=100,CODECS=\"mp4a.40.2\"\nhttps://cdn.example/s.m3u8\n";
        let [sound, small, alone] = &parse(text, BASE)[..] else { panic!("three are there") };
        assert_eq!(sound.url, "https://tube.example/a.m3u8");
        assert_eq!((sound.has_video, sound.has_audio), (false, true));
        assert_eq!(small.url, "https://tube.example/hls/1/360.m3u8");
        assert_eq!((small.has_video, small.has_audio), (true, false));
        assert_eq!((small.width, small.height, small.fps), (Some(640), Some(360), Some(29.97)));
        assert_eq!(small.codecs.as_deref(), Some("avc1.64001f,mp4a.40.2"));
        assert_eq!(alone.url, "https://cdn.example/s.m3u8");
        assert!(!alone.has_video && alone.has_audio);
    }

    #[test]
    fn a_media_playlist_is_its_own_rendition() {
        let found = parse("#EXTM3U\n#EXTINF:4,\n1.ts\n#EXTINF:4,\n2.ts\n", BASE);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].url, BASE);
    }

    #[test]
    fn nonsense_has_nothing() {
        for text in ["", "<html>", "#EXT-X-STREAM-INF:", "#EXT-X-STREAM-INF:CODECS=\"x", "a=b"] {
            assert_eq!(parse(text, BASE), [], "{text:?}");
        }
    }
}
