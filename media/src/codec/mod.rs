//! Bitstreams of video codecs, as far as the smart cut and the containers read
//! and rewrite them: a folder for each codec, and what several of them share
//! (bits, NAL units, the format of pictures).
//!
//! No codec is decoded here. Readers take headers and parameter sets only, and
//! check each value against its range in the standard.

pub mod av1;
pub(crate) mod bits;
pub mod h264;
pub mod hevc;
pub mod nal;
pub mod picture_format;
pub mod vpx;
