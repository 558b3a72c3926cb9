//! The engine's parts on real files, which `ffmpeg` makes and judges.

mod cut;
mod mp4;
