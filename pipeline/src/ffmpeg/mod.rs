//! The only room that starts ffmpeg and ffprobe.
//!
//! It turns typed inputs and plans into arguments, runs the programs within
//! limits, and reads what they say. It knows neither sources nor records.

mod args;
mod decode;
mod demuxer;
mod encoder;
mod hardware;
mod input;
mod look;
mod packets;
mod probe;
mod progress;
mod run;
mod tools;

pub(crate) use args::{
    COPY_SHIFT, Copy, Encode, Extra, Look, RawPicture, RawSound, SeamPart, Sound, Window, copy,
    encode_sound, encode_with, raw_picture, raw_sound, remux, resound, seam, sound_kilobits,
};
pub(crate) use decode::Decoder;
pub(crate) use demuxer::Demuxer;
pub(crate) use encoder::{Hardware, HardwareEncoder};
pub use hardware::HardwareEncoders;
pub(crate) use input::Input;
pub(crate) use packets::{Frame, FrameSource, Frames};
pub(crate) use probe::no_video;
pub(crate) use progress::{Expected, Snapshot, clock, rate};
pub(crate) use run::{Bounds, Trouble};
pub use tools::{Abilities, ToolPaths, ToolProblem, Tools};
