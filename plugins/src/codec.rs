//! The interface of codecs, and the plans that they make.
//!
//! A plan is typed: it names encoders and options from closed sets. The host
//! turns it into ffmpeg arguments, so nothing that a codec answers becomes a
//! flag by accident. A codec that ffmpeg doesn't have takes raw frames instead
//! and gives back the bytes of a file.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_core::probe::{Container, Probe};
use clipmill_core::{Code, Error};

use crate::{FrameEncoder, FramePlan};

/// A way to encode.
#[async_trait]
pub trait Codec: Send + Sync {
    /// Who it is.
    fn describe(&self) -> CodecDescription;

    /// How this file is to be encoded at this quality, with the encoders that
    /// this machine's ffmpeg has.
    ///
    /// # Errors
    /// [`Error`] when the quality is unknown, the file has no picture, or
    /// no fitting encoder is there.
    async fn plan(&self, probe: &Probe, quality: &str, have: &Encoders) -> Result<Plan, Error>;

    /// Begins to encode frames that come as `plan` says, which is one of its
    /// own [`Plan::Frames`], perhaps without the sound. The bytes are the
    /// first of the file.
    ///
    /// # Errors
    /// [`Error`]; `not_encodable` from a codec that plans for ffmpeg.
    async fn begin(
        &self,
        plan: &FramePlan,
        quality: &str,
    ) -> Result<(Box<dyn FrameEncoder>, Bytes), Error> {
        let _ = (plan, quality);
        Err(Error::never(Code::NotEncodable, "this codec takes no raw frames"))
    }
}

/// Who encodes, and how.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// ffmpeg.
    Ffmpeg(EncodePlan),
    /// The codec itself; see [`Codec::begin`].
    Frames(FramePlan),
}

/// Who a codec is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecDescription {
    /// Short stable name, lower case (`h264`).
    pub name: String,
    /// Names of its qualities, best first.
    pub qualities: Vec<String>,
    /// File format of the result.
    pub container: Container,
    /// MIME type of the result.
    pub mime: String,
    /// File extension of the result, without the dot.
    pub extension: String,
    /// Whether clients may ask for it. One that is not offered serves the
    /// exact cut of sources in that codec.
    pub offered: bool,
}

/// ffmpeg's names of the encoders that this machine has.
pub type Encoders = BTreeSet<String>;

/// How to encode one file.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodePlan {
    /// File format of the result.
    pub container: Container,
    /// The picture.
    pub video: VideoPlan,
    /// The sound; every sound stream that is kept is encoded so.
    pub audio: AudioPlan,
}

/// How to encode the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoPlan {
    /// Encoder and its own options.
    pub encoder: VideoEncoder,
    /// How much may be lost.
    pub rate: Rate,
    /// ffmpeg's pixel format name; one of the encoder's.
    pub pixel_format: String,
    /// Whether width and height are padded to even numbers, because encoder
    /// and pixel format can't have odd ones.
    pub pad_to_even: bool,
    /// Most frames from one keyframe to the next, 1 to 1000; none for the
    /// encoder's own choice.
    pub keyframe_interval: Option<u32>,
}

/// The encoders that the host can drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoEncoder {
    /// libx264 (and libx264rgb for RGB pixel formats).
    X264 {
        /// `ultrafast` 0 ... `veryslow` 8.
        preset: u8,
    },
    /// libx265.
    X265 {
        /// `ultrafast` 0 ... `veryslow` 8.
        preset: u8,
    },
    /// libsvtav1.
    SvtAv1 {
        /// 0 (slowest) ... 13.
        preset: u8,
    },
    /// libaom-av1.
    Aom {
        /// 0 (slowest) ... 8.
        cpu_used: u8,
    },
    /// libvpx-vp9.
    Vp9 {
        /// 0 (slowest) ... 8.
        cpu_used: u8,
    },
}

/// How much may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// Decoded frames equal the source's.
    Lossless,
    /// Constant rate factor on the encoder's own scale.
    Crf(u8),
}

/// How to encode the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioPlan {
    /// Encoder.
    pub encoder: AudioEncoder,
    /// Kilobits per second for stereo.
    pub kilobits: u32,
}

/// The sound encoders that the host can drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioEncoder {
    /// ffmpeg's own AAC-LC.
    Aac,
    /// libopus.
    Opus,
}
