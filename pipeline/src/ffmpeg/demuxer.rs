//! Which of ffmpeg's demuxers reads a file. It is always named, so that none is
//! used that opens something else: those of playlists and lists of files.

use clipmill_core::probe::Container;
use clipmill_core::{FileFormat, sniff};
use serde::{Deserialize, Serialize};

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
    /// What reads a stranger's file that starts with these bytes. Formats that are
    /// never clipped are refused, so that their demuxers are never used.
    pub fn sniff(head: &[u8]) -> Option<Demuxer> {
        match sniff(head)? {
            FileFormat::Mp4 | FileFormat::IsoImage => Some(Demuxer::Mov),
            FileFormat::Webm | FileFormat::Matroska => Some(Demuxer::Matroska),
            FileFormat::Avi => Some(Demuxer::Avi),
            FileFormat::Flv => Some(Demuxer::Flv),
            FileFormat::Asf => Some(Demuxer::Asf),
            FileFormat::MpegPs => Some(Demuxer::MpegPs),
            FileFormat::MpegVideo => Some(Demuxer::MpegVideo),
            FileFormat::MpegTs => Some(Demuxer::MpegTs),
            FileFormat::Ogg => Some(Demuxer::Ogg),
            FileFormat::Nut => Some(Demuxer::Nut),
            FileFormat::Wave
            | FileFormat::Flac
            | FileFormat::Mp3
            | FileFormat::Gif
            | FileFormat::Png
            | FileFormat::Ivf
            | FileFormat::Y4m => None,
        }
    }

    /// What reads a file that a codec has made: also formats that are not taken
    /// from strangers.
    pub fn sniff_made(head: &[u8]) -> Option<Demuxer> {
        match sniff(head)? {
            FileFormat::Gif => Some(Demuxer::Gif),
            FileFormat::Png => Some(Demuxer::Apng),
            FileFormat::Ivf => Some(Demuxer::Ivf),
            FileFormat::Y4m => Some(Demuxer::Y4m),
            _ => Demuxer::sniff(head),
        }
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

    /// The container that it reads, in the words of sources; `head` tells WebM
    /// from Matroska.
    pub fn container(self, head: &[u8]) -> Container {
        match self {
            Demuxer::Mov => Container::Mp4,
            Demuxer::Matroska if sniff(head) == Some(FileFormat::Webm) => Container::Webm,
            Demuxer::Matroska => Container::Mkv,
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
