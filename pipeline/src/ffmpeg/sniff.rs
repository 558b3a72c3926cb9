//! Telling a file format by its first bytes.
//!
//! Only formats that hold their media themselves are known. Playlists, lists
//! of files and other texts can make a demuxer open something else, so they
//! are nothing here.

use clipmill_core::probe::Container;
use serde::{Deserialize, Serialize};

/// How many bytes decide.
pub const ENOUGH: usize = 4096;

/// A demuxer that may be used on what strangers send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Demuxer {
    /// ISO base media and QuickTime.
    Mov,
    /// Matroska and WebM.
    Matroska,
    /// RIFF AVI.
    Avi,
    /// Flash video.
    Flv,
    /// Windows Media.
    Asf,
    /// MPEG program stream.
    MpegPs,
    /// MPEG video without a system layer.
    MpegVideo,
    /// MPEG transport stream, with 188-byte packets or larger ones.
    MpegTs,
    /// Ogg.
    Ogg,
    /// ffmpeg's own format, which keeps every time stamp.
    Nut,
    /// Animated GIF.
    Gif,
    /// Animated PNG.
    Apng,
    /// Bare VP8, VP9 or AV1.
    Ivf,
    /// YUV4MPEG2.
    Y4m,
}

impl Demuxer {
    /// What these first bytes of a file are.
    pub fn sniff(head: &[u8]) -> Option<Demuxer> {
        let at = |offset: usize, magic: &[u8]| {
            head.get(offset..).is_some_and(|rest| rest.starts_with(magic))
        };
        const BOXES: [&[u8]; 7] = [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"];
        if BOXES.iter().any(|name| at(4, name)) {
            return Some(Demuxer::Mov);
        }
        if at(0, &[0x1A, 0x45, 0xDF, 0xA3]) {
            return Some(Demuxer::Matroska);
        }
        if (at(0, b"RIFF") || at(0, b"ON2 ")) && (at(8, b"AVI ") || at(8, b"AVIX")) {
            return Some(Demuxer::Avi);
        }
        if at(0, b"FLV\x01") {
            return Some(Demuxer::Flv);
        }
        if at(0, &[0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11]) {
            return Some(Demuxer::Asf);
        }
        if at(0, &[0, 0, 1, 0xBA]) {
            return Some(Demuxer::MpegPs);
        }
        if at(0, &[0, 0, 1, 0xB3]) {
            return Some(Demuxer::MpegVideo);
        }
        if at(0, b"OggS") {
            return Some(Demuxer::Ogg);
        }
        if at(0, b"nut/multimedia container\0") {
            return Some(Demuxer::Nut);
        }
        // Sync bytes at the packet distance: plain, with time code, with error correction.
        let packets = |first: usize, size: usize| (0..4).all(|n| at(first + n * size, b"G"));
        (packets(0, 188) || packets(4, 192) || packets(0, 204)).then_some(Demuxer::MpegTs)
    }

    /// What these first bytes are of a file that a codec has made: the same,
    /// and formats that are not taken from strangers.
    pub fn sniff_made(head: &[u8]) -> Option<Demuxer> {
        const MADE: [(&[u8], Demuxer); 5] = [
            (b"GIF87a", Demuxer::Gif),
            (b"GIF89a", Demuxer::Gif),
            (b"\x89PNG\r\n\x1A\n", Demuxer::Apng),
            (b"DKIF", Demuxer::Ivf),
            (b"YUV4MPEG2 ", Demuxer::Y4m),
        ];
        let made = MADE.iter().find(|(magic, _)| head.starts_with(magic));
        made.map(|(_, demuxer)| *demuxer).or_else(|| Demuxer::sniff(head))
    }

    /// What a file of this extension is read with; none for formats that
    /// ffmpeg does not read, as far as we know.
    pub fn of_extension(extension: &str) -> Option<Demuxer> {
        Some(match extension {
            "mp4" | "m4v" | "mov" | "3gp" => Demuxer::Mov,
            "webm" | "mkv" => Demuxer::Matroska,
            "avi" => Demuxer::Avi,
            "flv" => Demuxer::Flv,
            "wmv" => Demuxer::Asf,
            "mpg" | "mpeg" => Demuxer::MpegPs,
            "ts" => Demuxer::MpegTs,
            "ogv" | "ogg" => Demuxer::Ogg,
            "nut" => Demuxer::Nut,
            "gif" => Demuxer::Gif,
            "apng" | "png" => Demuxer::Apng,
            "ivf" => Demuxer::Ivf,
            "y4m" => Demuxer::Y4m,
            _ => return None,
        })
    }

    /// Whether encoders of such files show one frame for longer in place of
    /// equal ones.
    pub fn merges_frames(self) -> bool {
        matches!(self, Demuxer::Gif | Demuxer::Apng)
    }

    /// ffmpeg's name.
    pub fn name(self) -> &'static str {
        match self {
            Demuxer::Mov => "mov",
            Demuxer::Matroska => "matroska",
            Demuxer::Avi => "avi",
            Demuxer::Flv => "flv",
            Demuxer::Asf => "asf",
            Demuxer::MpegPs => "mpeg",
            Demuxer::MpegVideo => "mpegvideo",
            Demuxer::MpegTs => "mpegts",
            Demuxer::Ogg => "ogg",
            Demuxer::Nut => "nut",
            Demuxer::Gif => "gif",
            Demuxer::Apng => "apng",
            Demuxer::Ivf => "ivf",
            Demuxer::Y4m => "yuv4mpegpipe",
        }
    }

    /// The file format in the words of handlers; `head` tells WebM from Matroska.
    pub fn container(self, head: &[u8]) -> Container {
        match self {
            Demuxer::Mov => Container::Mp4,
            Demuxer::Matroska => {
                let head = head.get(..head.len().min(ENOUGH)).unwrap_or_default();
                let webm = head.windows(7).any(|part| part == b"\x42\x82\x84webm");
                if webm { Container::Webm } else { Container::Mkv }
            }
            Demuxer::MpegTs => Container::Ts,
            _ => Container::Other,
        }
    }

    /// Whether such files tell where their keyframes are.
    pub fn has_index(self) -> bool {
        matches!(self, Demuxer::Mov | Demuxer::Matroska)
    }

    /// Whether time stamps in such files are rounded from finer ones.
    pub fn rounds_times(self) -> bool {
        matches!(self, Demuxer::Matroska | Demuxer::Flv | Demuxer::Asf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_media_and_nothing_that_refers_elsewhere() {
        let mut ts = vec![0_u8; 188 * 4];
        (0..4).for_each(|n| ts[n * 188] = b'G');
        assert_eq!(Demuxer::sniff(&ts), Some(Demuxer::MpegTs));
        assert_eq!(Demuxer::sniff(b"\0\0\0\x20ftypisom"), Some(Demuxer::Mov));
        assert_eq!(Demuxer::sniff(b"RIFF\0\0\0\0AVI LIST"), Some(Demuxer::Avi));
        for refused in [
            &b"#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd"[..],
            b"ffconcat version 1.0\nfile x",
            b"<?xml version=\"1.0\"?><MPD>",
            b"RIFF\0\0\0\0WAVEfmt ",
            b"v=0\r\no=- 0 0 IN IP4 127.0.0.1",
            b"GGGG",
            b"GIF89a",
            b"YUV4MPEG2 W2 H2",
            b"",
        ] {
            assert_eq!(Demuxer::sniff(refused), None);
        }
    }

    #[test]
    fn what_a_codec_made_may_be_more() {
        assert_eq!(Demuxer::sniff_made(b"GIF89a"), Demuxer::of_extension("gif"));
        assert_eq!(Demuxer::sniff_made(b"YUV4MPEG2 W2 H2"), Demuxer::of_extension("y4m"));
        assert_eq!(Demuxer::sniff_made(b"\0\0\0\x20ftypisom"), Demuxer::of_extension("mp4"));
        assert_eq!(Demuxer::sniff_made(b"#EXTM3U\n"), None);
    }

    #[test]
    fn tells_webm_from_matroska() {
        let webm = b"\x1A\x45\xDF\xA3\x01\0\0\0\x42\x82\x84webm\x42\x87";
        assert_eq!(Demuxer::Matroska.container(webm), Container::Webm);
        let mkv = b"\x1A\x45\xDF\xA3\x01\0\0\0\x42\x82\x88matroska";
        assert_eq!(Demuxer::Matroska.container(mkv), Container::Mkv);
    }
}
