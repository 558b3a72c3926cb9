//! The engine's parts on real files, which `ffmpeg` makes and judges.

mod cut;
mod fuzz;
mod mp4;
mod webm;
