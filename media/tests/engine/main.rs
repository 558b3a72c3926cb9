//! The engine's parts on real files, which `ffmpeg` makes and judges.

mod fuzz;
mod matroska;
mod mp4;
mod smart_cut;
