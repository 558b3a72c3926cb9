//! The only room that starts ffmpeg and ffprobe.

mod tools;

pub use tools::{ToolProblem, Tools};
