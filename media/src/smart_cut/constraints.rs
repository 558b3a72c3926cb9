//! What the encoder of head and tail must fulfil, so that a decoder takes them
//! and the stream-copied frames for one stream.

use super::parts::CutEnd;
use crate::CodecId;

/// What the encoder of head and tail must fulfil.
///
/// Both parts are encoded from the source's own frames: unscaled, not rotated by
/// the display matrix (`-noautorotate`), in the same pixel format, colour
/// description and pixel aspect ratio, with a keyframe first, and exactly one
/// frame for each that the plan wants. The result is an MP4 whose NAL units have
/// length fields of four bytes. [`join`](super::join) checks what the streams say
/// of this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpliceConstraints {
    /// Codec of all three parts.
    pub codec: CodecId,
    /// `ffmpeg`'s name of the encoder that these constraints are made for.
    pub encoder: &'static str,
    /// Value of `-profile:v`, where it must be given.
    pub profile: Option<&'static str>,
    /// Whether the body may hold interlaced frames. When frames are interlaced (as
    /// a prober says), and only then, the parts are encoded with
    /// `-flags +ilme+ildct`; the field order comes with each frame.
    pub interlaced: bool,
    /// What must be among the encoder's own parameters.
    pub params: Option<EncoderParams>,
}

/// Parameters in the syntax of the encoder's library: pairs with colons between
/// them, to which others may be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncoderParams {
    /// Name of the option of `ffmpeg`: `x264-params`, `x265-params`.
    pub option: &'static str,
    /// Its value for the head.
    pub head: String,
    /// Its value for the tail.
    pub tail: String,
}

impl EncoderParams {
    /// The value for one of the parts.
    pub fn value(&self, end: CutEnd) -> &str {
        match end {
            CutEnd::Head => &self.head,
            CutEnd::Tail => &self.tail,
        }
    }
}
