//! How head and tail must be encoded, so that a decoder takes them and the
//! copied frames for one stream.

use super::Plan;
use super::untie::Changed;
use crate::codec::colour::Colour;
use crate::codec::h264::ParameterSets;
use crate::{ReadAt, Track};

/// A cut that can be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Cut {
    /// What is copied and what is encoded.
    pub plan: Plan,
    /// What must be encoded how.
    pub seam: Seam,
}

impl Cut {
    /// Whether the body begins with a keyframe of an open group of H.264, so that
    /// its samples get other headers.
    pub fn is_untied(&self) -> bool {
        matches!(&self.seam, Seam::H264(seam) if !seam.changed.is_empty())
    }
}

/// A small file of its own: the encoded head or tail, or the source itself.
pub type Piece<'a> = (&'a dyn ReadAt, &'a Track);

/// Which of the encoded parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// What is before the copied frames.
    Head,
    /// What is after them.
    Tail,
}

/// What head and tail must be like.
///
/// Of each codec the encoder of [`Seam::encoder`] is meant. Both parts are
/// encoded from the source's own frames, unscaled, without turning them by the
/// display matrix (`-noautorotate`), without another pixel format, colour or
/// pixel aspect, from a keyframe on, and exactly one frame for each that the
/// plan wants, as an MP4 whose samples have four length bytes.
/// What of this a stream tells is checked when the parts are joined.
#[derive(Debug, Clone, PartialEq)]
pub enum Seam {
    /// H.264: parts with ids of their own for their parameter sets.
    H264(H264),
    /// HEVC: ids of the parts are rewritten when they are joined.
    Hevc(Hevc),
    /// VP8: nothing to be matched.
    Vp8,
    /// VP9: the same profile and depth.
    Vp9(crate::codec::vp9::Header),
    /// AV1: the same profile and depth.
    Av1(crate::codec::av1::Sequence),
}

/// What an H.264 head and tail must be like.
#[derive(Debug, Clone, PartialEq)]
pub struct H264 {
    /// Name of the body's profile, for `-profile:v` of `libx264`.
    pub profile: &'static str,
    /// Level of the body, ten times: 40 is 4.0. A hint; the parts may have
    /// their own.
    pub level: u8,
    /// Whether the body may hold interlaced frames. Only then and when frames
    /// really are interlaced (as a prober tells), the parts are encoded with
    /// `-flags +ilme+ildct`; which field is first comes with each frame.
    pub interlaced: bool,
    /// Id of the head's parameter sets (`sps-id` of `x264`, which is that of
    /// the picture's parameter set as well).
    pub head_id: u8,
    /// Id of the tail's parameter sets.
    pub tail_id: u8,
    /// Shown size, chroma format (0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4) and depth.
    pub picture: Picture,
    /// How colours are meant.
    pub colour: Colour,
    pub(super) sets: ParameterSets,
    pub(super) changes: bool,
    pub(super) changed: Changed,
}

/// What an HEVC head and tail must be like.
#[derive(Debug, Clone, PartialEq)]
pub struct Hevc {
    /// Name of the body's profile, for `-profile:v` of `libx265`.
    pub profile: &'static str,
    /// Shown size, chroma format and depth.
    pub picture: Picture,
    /// How colours are meant.
    pub colour: Colour,
    pub(super) head: crate::codec::hevc::Ids,
    pub(super) tail: crate::codec::hevc::Ids,
    pub(super) in_band: bool,
}

/// What a sequence parameter set says of its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// Pixels, without those that are cut away.
    pub width: u32,
    /// Pixels, without those that are cut away.
    pub height: u32,
    /// Chroma format: 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma: u8,
    /// Bits of a luma sample.
    pub bits: u8,
}

impl Seam {
    /// `ffmpeg`'s name of the encoder that the seam was thought through for.
    pub fn encoder(&self) -> &'static str {
        match self {
            Seam::H264(_) => "libx264",
            Seam::Hevc(_) => "libx265",
            Seam::Vp8 => "libvpx",
            Seam::Vp9(_) => "libvpx-vp9",
            Seam::Av1(_) => "libsvtav1",
        }
    }

    /// Value of `-profile:v`, where it must be given.
    pub fn profile(&self) -> Option<&'static str> {
        match self {
            Seam::H264(seam) => Some(seam.profile),
            Seam::Hevc(seam) => Some(seam.profile),
            Seam::Vp8 | Seam::Vp9(_) | Seam::Av1(_) => None,
        }
    }

    /// What must be among the encoder's own parameters: the option's name
    /// (`x264-params`, `x265-params`) and its value, pairs with colons between
    /// them, to which others may be added.
    pub fn params(&self, end: End) -> Option<(&'static str, String)> {
        match self {
            Seam::H264(seam) => Some(("x264-params", format!("sps-id={}", seam.id(end)))),
            // Without `wpp=0` slices would hold places of their own parts,
            // which move when ids are rewritten.
            Seam::Hevc(_) => Some((
                "x265-params",
                "wpp=0:open-gop=0:keyint=-1:repeat-headers=0:aud=0:info=0".to_owned(),
            )),
            Seam::Vp8 | Seam::Vp9(_) | Seam::Av1(_) => None,
        }
    }
}

impl H264 {
    /// Id of the parameter sets of a part.
    pub fn id(&self, end: End) -> u8 {
        match end {
            End::Head => self.head_id,
            End::Tail => self.tail_id,
        }
    }
}
