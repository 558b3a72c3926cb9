//! What a file is, from its first bytes. Its name and the content type that a
//! server sends for it prove nothing.
//!
//! This is the only place that knows signatures. A reader decides by a
//! [`FileFormat`] what it accepts: playlists, lists of files and other texts can
//! make a demuxer open something else, so they are no format here.

use crate::probe::Container;

/// How many of a file's first bytes are enough; fewer may be.
pub const SNIFFED_BYTES: usize = 4096;

/// A file format of video, audio or images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// ISO base media and QuickTime: mp4, m4v, m4a, mov, 3gp, and their segments.
    Mp4,
    /// A still image in an ISO base media file: AVIF, HEIC.
    IsoImage,
    /// WebM.
    Webm,
    /// Matroska.
    Matroska,
    /// RIFF AVI.
    Avi,
    /// RIFF WAVE.
    Wave,
    /// Flash video.
    Flv,
    /// Windows Media.
    Asf,
    /// MPEG program stream.
    MpegPs,
    /// MPEG video without a system layer.
    MpegVideo,
    /// MPEG transport stream.
    MpegTs,
    /// Ogg.
    Ogg,
    /// Bare FLAC.
    Flac,
    /// MP3 behind an ID3 tag.
    Mp3,
    /// ffmpeg's own format, which keeps every time stamp.
    Nut,
    /// GIF.
    Gif,
    /// PNG, also animated.
    Png,
    /// Bare VP8, VP9 or AV1.
    Ivf,
    /// YUV4MPEG2.
    Y4m,
}

/// Bytes at an offset.
type Magic = (usize, &'static [u8]);

/// The first row of which all bytes are there tells the format.
const SIGNATURES: &[(FileFormat, &[Magic])] = &[
    // Brands of `ftyp` (ISO/IEC 14496-12, 4.3) that stand for still images.
    (FileFormat::IsoImage, &[(4, b"ftypavif")]),
    (FileFormat::IsoImage, &[(4, b"ftypheic")]),
    (FileFormat::IsoImage, &[(4, b"ftypheix")]),
    (FileFormat::IsoImage, &[(4, b"ftypmif1")]),
    (FileFormat::IsoImage, &[(4, b"ftypmsf1")]),
    // Boxes that a file or a segment starts with; QuickTime had no `ftyp`.
    (FileFormat::Mp4, &[(4, b"ftyp")]),
    (FileFormat::Mp4, &[(4, b"styp")]),
    (FileFormat::Mp4, &[(4, b"moov")]),
    (FileFormat::Mp4, &[(4, b"moof")]),
    (FileFormat::Mp4, &[(4, b"mdat")]),
    (FileFormat::Mp4, &[(4, b"free")]),
    (FileFormat::Mp4, &[(4, b"skip")]),
    (FileFormat::Mp4, &[(4, b"wide")]),
    (FileFormat::Mp4, &[(4, b"pnot")]),
    (FileFormat::Mp4, &[(4, b"sidx")]),
    (FileFormat::Mp4, &[(4, b"emsg")]),
    (FileFormat::Mp4, &[(4, b"prft")]),
    // EBML (RFC 8794, 8); see `is_webm`.
    (FileFormat::Matroska, &[(0, &[0x1A, 0x45, 0xDF, 0xA3])]),
    (FileFormat::Avi, &[(0, b"RIFF"), (8, b"AVI ")]),
    (FileFormat::Avi, &[(0, b"RIFF"), (8, b"AVIX")]),
    (FileFormat::Avi, &[(0, b"ON2 "), (8, b"AVI ")]),
    (FileFormat::Avi, &[(0, b"ON2 "), (8, b"AVIX")]),
    (FileFormat::Wave, &[(0, b"RIFF"), (8, b"WAVE")]),
    (FileFormat::Flv, &[(0, b"FLV\x01")]),
    (FileFormat::Asf, &[(0, &[0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11])]),
    // Start codes of a pack and of a sequence (ISO/IEC 13818-1, 2.5.3.3; -2, 6.2.2.1).
    (FileFormat::MpegPs, &[(0, &[0, 0, 1, 0xBA])]),
    (FileFormat::MpegVideo, &[(0, &[0, 0, 1, 0xB3])]),
    (FileFormat::Ogg, &[(0, b"OggS")]),
    (FileFormat::Flac, &[(0, b"fLaC")]),
    (FileFormat::Mp3, &[(0, b"ID3")]),
    (FileFormat::Nut, &[(0, b"nut/multimedia container\0")]),
    (FileFormat::Gif, &[(0, b"GIF87a")]),
    (FileFormat::Gif, &[(0, b"GIF89a")]),
    (FileFormat::Png, &[(0, b"\x89PNG\r\n\x1A\n")]),
    (FileFormat::Ivf, &[(0, b"DKIF")]),
    (FileFormat::Y4m, &[(0, b"YUV4MPEG2 ")]),
];

/// Sync bytes of transport streams (ISO/IEC 13818-1, 2.4.3.2): the offset of the
/// first one, and the size of a packet. Plain, with a time in front of each
/// packet, with error correction behind it.
const PACKETS: [(usize, usize); 3] = [(0, 188), (4, 192), (0, 204)];
/// How many packets have to be there.
const PACKET_COUNT: usize = 3;

/// The format of a file that starts with these bytes, if it is a known one.
pub fn sniff(head: &[u8]) -> Option<FileFormat> {
    let is_at = |magic: &Magic| head.get(magic.0..).is_some_and(|rest| rest.starts_with(magic.1));
    let found = SIGNATURES.iter().find(|(_, magics)| magics.iter().all(is_at));
    match found.map(|(format, _)| *format) {
        Some(FileFormat::Matroska) if is_webm(head) => Some(FileFormat::Webm),
        Some(format) => Some(format),
        None => is_transport_stream(head).then_some(FileFormat::MpegTs),
    }
}

/// Whether the document type of an EBML header is that of WebM: the element
/// `DocType`, or its content where the first elements are.
fn is_webm(head: &[u8]) -> bool {
    let head = head.get(..SNIFFED_BYTES).unwrap_or(head);
    let start = head.get(..68).unwrap_or(head);
    head.windows(7).any(|bytes| bytes == b"\x42\x82\x84webm")
        || start.windows(4).any(|bytes| bytes == b"webm")
}

/// Whether there are packets: the first few, or nothing but whole ones.
fn is_transport_stream(head: &[u8]) -> bool {
    PACKETS.iter().any(|(first, size)| {
        let whole = head.len() / size;
        let is_all = whole > 0 && head.len().is_multiple_of(*size);
        let count = if is_all { whole.min(PACKET_COUNT) } else { PACKET_COUNT };
        (0..count).all(|packet| head.get(first + packet * size) == Some(&0x47))
    })
}

impl FileFormat {
    /// The container, in the words of sources and probes.
    pub fn container(self) -> Container {
        match self {
            FileFormat::Mp4 | FileFormat::IsoImage => Container::Mp4,
            FileFormat::Webm => Container::Webm,
            FileFormat::Matroska => Container::Mkv,
            FileFormat::MpegTs => Container::Ts,
            _ => Container::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of this size, the first sync byte at `first`.
    fn packets(first: usize, size: usize, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; size * count];
        (0..count).for_each(|packet| bytes[first + packet * size] = b'G');
        bytes
    }

    #[test]
    fn formats_are_recognised_by_their_bytes() {
        let (ts, m2ts, fec) = (packets(0, 188, 4), packets(4, 192, 4), packets(0, 204, 4));
        let cases: &[(&[u8], FileFormat)] = &[
            (b"\0\0\0\x20ftypisom", FileFormat::Mp4),
            (b"\0\0\0\x14ftypqt  ", FileFormat::Mp4),
            (b"\0\0\x01\0moov", FileFormat::Mp4),
            (b"\0\0\0\x18stypmsdh", FileFormat::Mp4),
            (b"\0\0\0\x18pnot", FileFormat::Mp4),
            (b"\0\0\0\x20ftypavif", FileFormat::IsoImage),
            (b"\0\0\0\x20ftypheic", FileFormat::IsoImage),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", FileFormat::Webm),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x40\x04webm", FileFormat::Webm),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska", FileFormat::Matroska),
            (&ts, FileFormat::MpegTs),
            (&ts[..188], FileFormat::MpegTs),
            (&ts[..500], FileFormat::MpegTs),
            (&m2ts, FileFormat::MpegTs),
            (&fec, FileFormat::MpegTs),
            (b"RIFF\0\0\0\0AVI LIST", FileFormat::Avi),
            (b"RIFF\0\0\0\0AVIXLIST", FileFormat::Avi),
            (b"RIFF\0\0\0\0WAVEfmt ", FileFormat::Wave),
            (b"FLV\x01\x05", FileFormat::Flv),
            (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", FileFormat::Asf),
            (b"\0\0\x01\xba", FileFormat::MpegPs),
            (b"\0\0\x01\xb3", FileFormat::MpegVideo),
            (b"OggS", FileFormat::Ogg),
            (b"fLaC", FileFormat::Flac),
            (b"ID3\x04", FileFormat::Mp3),
            (b"nut/multimedia container\0", FileFormat::Nut),
            (b"GIF87a", FileFormat::Gif),
            (b"GIF89a", FileFormat::Gif),
            (b"\x89PNG\r\n\x1a\n", FileFormat::Png),
            (b"DKIF", FileFormat::Ivf),
            (b"YUV4MPEG2 W2 H2", FileFormat::Y4m),
        ];
        for (head, format) in cases {
            assert_eq!(sniff(head), Some(*format), "{head:?}");
        }
    }

    #[test]
    fn what_is_no_media_or_refers_elsewhere_is_no_format() {
        for head in [
            &b"#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd"[..],
            b"ffconcat version 1.0\nfile x",
            b"<?xml version=\"1.0\"?><MPD>",
            b"v=0\r\no=- 0 0 IN IP4 127.0.0.1",
            b"RIFF\0\0\0\0WEBPVP8 ",
            b"Good morning",
            b"GGGG",
            b"",
        ] {
            assert_eq!(sniff(head), None, "{head:?}");
        }
    }
}
