//! From typed jobs to ffmpeg's arguments. Pure: nothing is started or looked up
//! here, so every argument list is compared word by word in a test.
//!
//! [`arg_list`] holds what the kinds of jobs share: [`encode`] (with [`audio`],
//! [`software`] and [`hardware`]), [`copy`] for stream copies, [`raw`] for
//! decoders, [`splice`] for the parts of a smart cut.

mod arg_list;
mod audio;
mod copy;
mod encode;
mod hardware;
mod raw;
mod software;
mod splice;
#[cfg(test)]
mod tests;

pub(crate) use arg_list::{AudioInput, CutWindow};
pub(crate) use audio::audio_kilobits;
pub(crate) use copy::{
    AudioReencode, COPY_SHIFT_MICROS, StreamCopy, WorkContainer, copy_args, reencode_audio_args,
    remux_args,
};
pub(crate) use encode::{EncodeJob, HostOptions, encode_args, encode_audio_args};
pub(crate) use hardware::trial_args;
pub(crate) use raw::{RawAudio, RawVideo, raw_audio_args, raw_video_args};
pub(crate) use splice::{DecodeCheck, PartJob, decode_check_args, frame_hash_args, part_args};
