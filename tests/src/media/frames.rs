//! Reads the frame counter back from the decoded pixels of any file.

use std::path::{Path, PathBuf};

use super::MediaError;
use super::counter::{CELLS, STRIP, decode};
use super::picture::{FLASH_X, FLASH_Y};
use crate::tool;

/// Pictures are scaled to this before they are read: 4 pixels a cell, 6 lines of strip.
const WIDTH: usize = CELLS * 4;
const HEIGHT: usize = STRIP * 6;

/// One decoded frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// When it is shown, in seconds, as the file says.
    pub pts: f64,
    /// Its number in the clip that it was painted for.
    pub number: u32,
    /// Whether it is the first frame of a second.
    pub flash: bool,
}

/// The frames of `file` as a player with support for edit lists shows them.
///
/// # Errors
/// When the file can't be decoded or a frame has no readable counter; the message says which.
pub fn read_frames(file: impl AsRef<Path>) -> Result<Vec<Frame>, MediaError> {
    FrameReader::new(file).read()
}

/// Decodes a file and reads its frames, with options for ffmpeg's input.
#[derive(Debug, Clone)]
pub struct FrameReader {
    file: PathBuf,
    input: Vec<String>,
}

impl FrameReader {
    /// A reader of the first video stream of `file`, which may be a URL too.
    pub fn new(file: impl AsRef<Path>) -> FrameReader {
        FrameReader { file: file.as_ref().to_owned(), input: Vec::new() }
    }

    /// Reads as the players do that ignore MP4 edit lists.
    pub fn ignore_edit_lists(mut self) -> FrameReader {
        self.input.extend(["-ignore_editlist", "1"].map(str::to_owned));
        self
    }

    /// All frames in the order of display.
    ///
    /// # Errors
    /// When the file can't be decoded or a frame has no readable counter; the message says which.
    pub fn read(&self) -> Result<Vec<Frame>, MediaError> {
        let mut args = ["-hide_banner", "-nostdin", "-nostats", "-v", "info", "-copyts"]
            .map(str::to_owned)
            .to_vec();
        args.extend(self.input.iter().cloned());
        args.extend(["-i".to_owned(), self.file.display().to_string()]);
        let filter = format!("scale={WIDTH}:{HEIGHT}:flags=area,format=gray,showinfo");
        args.extend(["-map", "0:v:0", "-vf", &filter].map(str::to_owned));
        args.extend(["-fps_mode", "passthrough", "-f", "rawvideo", "-"].map(str::to_owned));
        let output = tool::run("ffmpeg", &args)?;

        let wrong = |what: String| MediaError(format!("{}: {what}", self.file.display()));
        let times = times(&output.stderr).map_err(wrong)?;
        let pictures: Vec<&[u8]> = output.stdout.chunks_exact(WIDTH * HEIGHT).collect();
        if pictures.len() != times.len() {
            let (pictures, times) = (pictures.len(), times.len());
            return Err(wrong(format!("{pictures} pictures, but {times} times")));
        }
        let read = |(index, (picture, pts)): (usize, (&&[u8], &f64))| {
            let number = decode(cells(picture))
                .map_err(|why| wrong(format!("picture {index} at {pts:.4} s: {why}")))?;
            Ok(Frame { pts: *pts, number, flash: flash(picture) })
        };
        pictures.iter().zip(&times).enumerate().map(read).collect()
    }
}

/// The times of all frames in seconds, from the words of ffmpeg's `showinfo` filter.
fn times(words: &str) -> Result<Vec<f64>, String> {
    let mut unit = None;
    let mut times = Vec::new();
    for line in words.lines().filter(|line| line.contains("showinfo")) {
        if let Some(base) = after(line, "config in time_base: ") {
            unit = base.trim_end_matches(',').split_once('/').and_then(|(upper, lower)| {
                Some(upper.parse::<f64>().ok()? / lower.parse::<f64>().ok()?)
            });
        } else if let Some(ticks) = after(line, " pts:") {
            let ticks: f64 = ticks.parse().map_err(|_| format!("a frame without time: {line}"))?;
            times.push(ticks * unit.ok_or("ffmpeg named no time base")?);
        }
    }
    Ok(times)
}

/// The word after `label`.
fn after<'a>(line: &'a str, label: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(label)?;
    rest.split_whitespace().next()
}

/// Brightness in the middle of each cell.
fn cells(picture: &[u8]) -> [f32; CELLS] {
    std::array::from_fn(|cell| mean(picture, cell * 4 + 1..cell * 4 + 3, 2..4))
}

fn flash(picture: &[u8]) -> bool {
    let middle = |length: usize, (from, to): (f64, f64)| {
        let centre = (length as f64 * (from + to) / 2.0) as usize;
        centre - 2..centre + 2
    };
    mean(picture, middle(WIDTH, FLASH_X), middle(HEIGHT, FLASH_Y)) > 128.0
}

fn mean(picture: &[u8], x: std::ops::Range<usize>, y: std::ops::Range<usize>) -> f32 {
    let count = (x.len() * y.len()) as f32;
    let line = |y: usize| picture[y * WIDTH..][x.clone()].iter().map(|value| f32::from(*value));
    y.flat_map(line).sum::<f32>() / count
}
