//! What a test video is: size, rate, length, codecs, packaging.

use std::path::PathBuf;

use super::sound::SAMPLE_RATE;
use super::{MediaError, cache};

/// Frames a second as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// The upper number: 30000 of 30000/1001.
    pub frames: u32,
    /// The lower number.
    pub seconds: u32,
}

impl Rate {
    /// 30 frames a second.
    pub const FPS_30: Rate = Rate { frames: 30, seconds: 1 };
    /// 29.97 frames a second.
    pub const NTSC: Rate = Rate { frames: 30_000, seconds: 1_001 };
    /// 60 frames a second.
    pub const FPS_60: Rate = Rate { frames: 60, seconds: 1 };
    /// 59.94 frames a second.
    pub const NTSC_60: Rate = Rate { frames: 60_000, seconds: 1_001 };

    /// When frame `number` is shown, in seconds.
    pub fn time_of(self, number: u32) -> f64 {
        f64::from(number) * f64::from(self.seconds) / f64::from(self.frames)
    }
}

/// How the picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "these are the codecs' own names")]
pub enum VideoCodec {
    H264,
    Hevc,
    Vp9,
    Av1,
    Ffv1,
    Mpeg4,
    Mpeg2,
    Flv1,
    Wmv2,
}

/// How pictures depend on each other, where the codec can do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Structure {
    /// Nothing before a keyframe is needed after it.
    Closed,
    /// Frames that are shown before a keyframe, but come after it, need the frames before it too.
    Open,
    /// Closed, with B-frames that others refer to, eight between two anchors, five references. With
    /// VP9 the same in its own way: hidden frames ahead of their time.
    Pyramid,
    /// H.264's baseline profile: no B-frames, no CABAC.
    Baseline,
    /// Keyframes only.
    Intra,
    /// Coded as two fields, the upper one first; both show the same moment.
    Interlaced,
}

/// How the sound is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "these are the codecs' own names")]
pub enum AudioCodec {
    Aac,
    Opus,
    Mp3,
    Mp2,
    Wmav2,
    Flac,
}

/// What the streams are put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Packaging {
    /// One file; the extension decides its format. MP4 has its index in front, WebM its cues.
    File(&'static str),
    /// One MP4 with its index behind the samples.
    IndexAtEnd,
    /// One MP4 whose edit lists let picture and sound begin at half a second.
    LateEdit,
    /// One fragmented MP4 with a segment index in front.
    FragmentedMp4,
    /// The same without a segment index.
    FragmentedWithoutIndex,
    /// The same with an index in front that leads to one more index a fragment. For one track only.
    FragmentedTree,
    /// HLS of MPEG-TS segments, 4 s each.
    HlsTs,
    /// HLS of fragmented MP4 segments, 4 s each.
    HlsFmp4,
    /// HLS of fragmented MP4 in one file, segments as byte ranges, 4 s each.
    HlsRanges,
    /// DASH with one file a segment, named by a template.
    DashTemplate,
    /// DASH with one file a track, whose segments are listed as byte ranges.
    DashList,
    /// DASH with one file a track and a segment index in it.
    DashBase,
}

/// A test video. Made with [`Clip::file`]; see the module's list of ready ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Clip {
    /// Width as it is shown, in pixels.
    pub width: u32,
    /// Height as it is shown, in pixels.
    pub height: u32,
    /// Frames a second.
    pub rate: Rate,
    /// Frames painted, at most 65,536.
    pub frames: u32,
    /// The picture's codec; none for sound alone.
    pub video: Option<VideoCodec>,
    /// The sound's codec; none for a silent video.
    pub audio: Option<AudioCodec>,
    /// What both are put in.
    pub packaging: Packaging,
    /// Frames from one keyframe to the next.
    pub gop: u32,
    /// B-frames between two anchors, where the codec has them.
    pub b_frames: u32,
    /// How frames depend on each other.
    pub structure: Structure,
    /// How many sound tracks with the same sound, where there is sound.
    pub sounds: u32,
    /// Samples of the sound a second.
    pub sample_rate: u32,
    /// 10 bits a sample instead of 8.
    pub ten_bit: bool,
    /// Stored lying on its side, with the note that players turn it by 90 degrees clockwise.
    pub rotated: bool,
    /// Variable frame rate: of each ten frames, three are missing.
    pub variable_rate: bool,
}

impl Clip {
    /// H.264 and AAC in MP4, 30 frames a second, a keyframe each 5 s, two B-frames.
    pub fn new(width: u32, height: u32, seconds: u32) -> Clip {
        Clip {
            width,
            height,
            rate: Rate::FPS_30,
            frames: seconds * 30,
            video: Some(VideoCodec::H264),
            audio: Some(AudioCodec::Aac),
            packaging: Packaging::File("mp4"),
            gop: 150,
            b_frames: 2,
            structure: Structure::Closed,
            sounds: 1,
            sample_rate: SAMPLE_RATE,
            ten_bit: false,
            rotated: false,
            variable_rate: false,
        }
    }

    /// The same length at another rate, a keyframe still each 5 s.
    pub fn rate(mut self, rate: Rate) -> Clip {
        let convert = |frames: u32| {
            let seconds = self.rate.time_of(frames);
            (seconds * f64::from(rate.frames) / f64::from(rate.seconds)).round() as u32
        };
        (self.frames, self.gop) = (convert(self.frames), convert(self.gop));
        self.rate = rate;
        self
    }

    /// The file, or the playlist of several; made now if it was never made before.
    ///
    /// # Panics
    /// When ffmpeg is missing or fails; the message has its last words.
    pub fn file(&self) -> PathBuf {
        self.try_file().unwrap_or_else(|error| panic!("making {self:?}: {error}"))
    }

    /// The same as [`Clip::file`], without the panic.
    ///
    /// # Errors
    /// When ffmpeg is missing or fails, or the disk is full.
    pub fn try_file(&self) -> Result<PathBuf, MediaError> {
        cache::file(self)
    }

    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.rate.time_of(self.frames)
    }

    /// Whether frame `number` is in the file: all are, unless the rate varies.
    pub fn has(&self, number: u32) -> bool {
        number < self.frames && !(self.variable_rate && matches!(number % 10, 3 | 4 | 7))
    }

    /// The frames that are shown first at `start <= time < end`, both in seconds.
    pub fn frames_between(&self, start: f64, end: f64) -> Vec<u32> {
        // Times are thousandths at the finest; a frame's own rounding is far below this.
        const HAIR: f64 = 1e-6;
        let shown = |number: &u32| {
            let time = self.rate.time_of(*number);
            time >= start - HAIR && time < end - HAIR
        };
        (0..self.frames).filter(|number| self.has(*number)).filter(shown).collect()
    }

    /// Whether frame `number` is the first of a second, which shows the white flash.
    pub fn flashes(&self, number: u32) -> bool {
        let second = |number: u32| {
            u64::from(number) * u64::from(self.rate.seconds) / u64::from(self.rate.frames)
        };
        number == 0 || second(number) != second(number - 1)
    }
}
