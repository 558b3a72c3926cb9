//! What a file holds, whatever its format: tracks of samples, each with its
//! time and its offset.

use std::ops::Range;

use clipmill_core::Timescale;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Media {
    /// Video and audio tracks, in the order of the file. Others are left out.
    pub tracks: Vec<Track>,
}

impl Media {
    /// The first video track.
    pub fn video_track(&self) -> Option<&Track> {
        self.tracks.iter().find(|track| track.kind == TrackKind::Video)
    }

    /// All audio tracks.
    pub fn audio_tracks(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(|track| track.kind == TrackKind::Audio)
    }
}

/// Video or audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackKind {
    /// Video.
    Video,
    /// Audio.
    Audio,
}

/// How samples are coded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "these are the codecs' own names")]
pub enum CodecId {
    H264,
    Hevc,
    Vp8,
    Vp9,
    Av1,
    Aac,
    Opus,
    Vorbis,
    Mp3,
    Flac,
    Ac3,
    Eac3,
    /// Anything else, by the name that its container has for it.
    Other(String),
}

/// One track.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Its number in the container: `track_ID` of MP4, `TrackNumber` of Matroska.
    pub id: u32,
    /// Video or audio.
    pub kind: TrackKind,
    /// How samples are coded.
    pub codec: CodecId,
    /// The decoder's configuration in one form whatever the container, perhaps
    /// empty. H.264, HEVC, AV1, VP9: content of `avcC`, `hvcC`, `av1C`, `vpcC`.
    /// AAC: `AudioSpecificConfig`. Opus: the identification header of RFC 7845
    /// (`OpusHead...`). Others: what Matroska calls `CodecPrivate`.
    pub config: Vec<u8>,
    /// The whole sample entry of an MP4 (`avc1`, `mp4a` ...), header included;
    /// none when the track comes from another container.
    pub entry: Option<Vec<u8>>,
    /// Ticks per second.
    pub timescale: Timescale,
    /// ISO 639-2 code, `und` when unknown.
    pub language: [u8; 3],
    /// Coded size in pixels; 0 for audio.
    pub width: u32,
    /// Coded size in pixels; 0 for audio.
    pub height: u32,
    /// Size as `tkhd` gives it, 16.16; 0 for audio or when there is none.
    pub presented: (u32, u32),
    /// Display matrix as in `tkhd` (ISO/IEC 14496-12, 8.3.2): 16.16 and 2.30.
    pub matrix: [i32; 9],
    /// Width and height of one pixel; (1, 1) when square or unknown.
    pub pixel_aspect: (u32, u32),
    /// Samples per second; 0 for video.
    pub sample_rate: u32,
    /// Channels; 0 for video.
    pub channels: u16,
    /// When the track is presented.
    pub edit: PresentedTicks,
    /// Samples in decoding order.
    pub samples: Vec<Sample>,
}

/// When an edit presents a track, ticks of the file's own clock. Samples at other
/// times are decoded, because others refer to them, and not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresentedTicks {
    /// First tick.
    pub start: i64,
    /// First tick at which it is not presented any more.
    pub end: i64,
}

impl PresentedTicks {
    /// Of a track that no edit hides a part of.
    pub const ALL: PresentedTicks = PresentedTicks { start: i64::MIN, end: i64::MAX };

    /// Whether a sample at this time is presented.
    pub fn contains(self, pts: i64) -> bool {
        (self.start..self.end).contains(&pts)
    }

    /// The part of a span in which the track is presented.
    pub fn within(self, span: Range<i64>) -> Range<i64> {
        span.start.max(self.start)..span.end.min(self.end)
    }
}

/// The display matrix that changes nothing.
pub const UPRIGHT: [i32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// One sample: a coded frame of video, or a packet of audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Its first byte in the file.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    /// When it is presented, ticks, in the file's own clock: edit lists are
    /// applied, and so is the delay of an audio encoder (Matroska's
    /// `CodecDelay`, the priming that an MP4's edit list skips), so that the
    /// first sample of an audio track may be before 0.
    pub pts: i64,
    /// How long, ticks; of the last one as far as is known, never 0.
    pub duration: u32,
    /// Whether decoding can begin here, as the container says.
    pub sync: bool,
}

impl Track {
    /// A track of which nothing else is known yet.
    pub fn empty(kind: TrackKind, timescale: Timescale) -> Track {
        Track {
            id: 0,
            kind,
            codec: CodecId::Other(String::new()),
            config: Vec::new(),
            entry: None,
            timescale,
            language: *b"und",
            width: 0,
            height: 0,
            presented: (0, 0),
            matrix: UPRIGHT,
            pixel_aspect: (1, 1),
            sample_rate: 0,
            channels: 0,
            edit: PresentedTicks::ALL,
            samples: Vec::new(),
        }
    }

    /// All of it but its samples.
    pub fn without_samples(&self) -> Track {
        Track {
            id: self.id,
            kind: self.kind,
            codec: self.codec.clone(),
            config: self.config.clone(),
            entry: self.entry.clone(),
            timescale: self.timescale,
            language: self.language,
            width: self.width,
            height: self.height,
            presented: self.presented,
            matrix: self.matrix,
            pixel_aspect: self.pixel_aspect,
            sample_rate: self.sample_rate,
            channels: self.channels,
            edit: self.edit,
            samples: Vec::new(),
        }
    }

    /// Ticks as seconds.
    pub fn seconds(&self, ticks: i64) -> f64 {
        self.timescale.seconds(ticks)
    }

    /// Ticks as microseconds, to the nearest.
    pub fn micros(&self, ticks: i64) -> i64 {
        self.timescale.micros(ticks)
    }
}
