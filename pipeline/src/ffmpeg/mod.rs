//! The only room that starts ffmpeg and ffprobe.
//!
//! It turns typed inputs and plans into arguments, runs the programs within
//! limits, and reads what they print. It knows neither sources nor records.

mod args;
mod decode_check;
mod demuxer;
mod frame_list;
mod hardware;
mod hardware_encoder;
mod input;
mod probe;
mod progress;
mod run;
mod tools;

pub(crate) use args::{
    AudioInput, AudioReencode, COPY_SHIFT_MICROS, CutWindow, DecodeCheck, EncodeJob, HostOptions,
    PartJob, RawAudio, RawVideo, StreamCopy, WorkContainer, audio_kilobits, copy_args, encode_args,
    encode_audio_args, part_args, raw_audio_args, raw_video_args, reencode_audio_args, remux_args,
};
pub(crate) use demuxer::Demuxer;
pub(crate) use frame_list::{Frame, FrameSource, Frames};
pub use hardware::HardwareEncoders;
pub(crate) use hardware_encoder::{HardwareEncoder, HardwareJob};
pub(crate) use input::Input;
pub(crate) use probe::no_video;
pub(crate) use progress::{Expected, Snapshot};
pub(crate) use run::{Bounds, Decoder, HardwareFailure};
pub use tools::{Abilities, ToolPaths, ToolProblem, Tools};
