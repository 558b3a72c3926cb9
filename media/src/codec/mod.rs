//! Bitstreams of video codecs, as far as the smart cut and the containers read
//! and rewrite them: a folder for each codec, and what several of them share.

pub mod av1;
pub mod bits;
pub mod colour;
pub mod fields;
pub mod h264;
pub mod hevc;
pub mod nal;
pub mod vp9;
