//! Draws raw frames: the counter's strip, the flash, and a moving background worth encoding.

use std::io::{self, Write};
use std::ops::Range;

use super::clip::Clip;
use super::counter::{CELLS, STRIP, encode};

/// Samples are made with 10 bits and cut to 8 where the clip has 8.
const WHITE: u16 = 940;
const BLACK: u16 = 64;
/// How far the background moves from frame to frame, in pixels.
const SPEED: usize = 2;

/// Where the flash is, as parts of the width and height.
pub(super) const FLASH_X: (f64, f64) = (3.0 / 8.0, 5.0 / 8.0);
pub(super) const FLASH_Y: (f64, f64) = (4.0 / 9.0, 6.0 / 9.0);

/// Writes all frames of `clip` as planar 4:2:0, one after the other.
pub(super) fn write_frames(clip: &Clip, out: &mut dyn Write) -> io::Result<()> {
    let canvas = Canvas::new(clip);
    let mut frame = vec![0; canvas.size()];
    for number in 0..clip.frames {
        canvas.draw(number, clip.flashes(number), &mut frame)?;
        out.write_all(&frame)?;
    }
    Ok(())
}

struct Canvas {
    wide: bool,
    luma: Plane,
    blue: Plane,
    red: Plane,
    white: Vec<u8>,
    black: Vec<u8>,
}

/// A background twice as wide as the picture and repeating, so that moving it is copying rows.
struct Plane {
    width: usize,
    height: usize,
    texture: Vec<u8>,
    stride: usize,
}

impl Canvas {
    fn new(clip: &Clip) -> Canvas {
        let wide = clip.ten_bit;
        let (width, height) = (clip.width as usize, clip.height as usize);
        let half = |length: usize| length.div_ceil(2);
        let luma = |x: usize, y: usize| 200 + (x * 3 + y * 2 + (x ^ y) % 64) % 512;
        let blue = |x: usize, y: usize| 448 + (x + y) % 128;
        let red = |x: usize, y: usize| 448 + (x + 2 * y) % 128;
        Canvas {
            wide,
            luma: Plane::new(width, height, wide, luma),
            blue: Plane::new(half(width), half(height), wide, blue),
            red: Plane::new(half(width), half(height), wide, red),
            white: row(width, wide, WHITE),
            black: row(width, wide, BLACK),
        }
    }

    fn size(&self) -> usize {
        [&self.luma, &self.blue, &self.red].iter().map(|plane| plane.size()).sum()
    }

    fn draw(&self, number: u32, flash: bool, frame: &mut [u8]) -> io::Result<()> {
        let offset = number as usize * SPEED;
        let (luma, chroma) = frame.split_at_mut(self.luma.size());
        let (blue, red) = chroma.split_at_mut(self.blue.size());
        self.luma.copy(offset, luma);
        self.blue.copy(offset / 2, blue);
        self.red.copy(offset / 2, red);

        let Plane { width, height, .. } = self.luma;
        let number = u16::try_from(number).map_err(io::Error::other)?;
        for (index, white) in encode(number).into_iter().enumerate() {
            let x = index * width / CELLS..(index + 1) * width / CELLS;
            self.fill(luma, x, 0..height / STRIP, white);
        }
        let part = |length: usize, (from, to): (f64, f64)| {
            (length as f64 * from) as usize..(length as f64 * to) as usize
        };
        self.fill(luma, part(width, FLASH_X), part(height, FLASH_Y), flash);
        Ok(())
    }

    fn fill(&self, luma: &mut [u8], x: Range<usize>, y: Range<usize>, white: bool) {
        let bytes = if self.wide { 2 } else { 1 };
        let source = if white { &self.white } else { &self.black };
        for line in y {
            let start = (line * self.luma.width + x.start) * bytes;
            let length = x.len() * bytes;
            luma[start..start + length].copy_from_slice(&source[..length]);
        }
    }
}

impl Plane {
    fn new(width: usize, height: usize, wide: bool, at: impl Fn(usize, usize) -> usize) -> Plane {
        let mut texture = Vec::new();
        for y in 0..height {
            for x in 0..2 * width {
                push(&mut texture, wide, at(x % width, y) as u16);
            }
        }
        Plane { width, height, texture, stride: 2 * width * if wide { 2 } else { 1 } }
    }

    fn size(&self) -> usize {
        self.stride / 2 * self.height
    }

    fn copy(&self, offset: usize, to: &mut [u8]) {
        let length = self.stride / 2;
        let from = offset % self.width * (length / self.width);
        for (line, row) in to.chunks_exact_mut(length).enumerate() {
            let start = line * self.stride + from;
            row.copy_from_slice(&self.texture[start..start + length]);
        }
    }
}

fn row(width: usize, wide: bool, sample: u16) -> Vec<u8> {
    let mut row = Vec::new();
    (0..width).for_each(|_| push(&mut row, wide, sample));
    row
}

/// One sample, in the byte order of the `yuv420p10le` and `yuv420p` formats.
fn push(row: &mut Vec<u8>, wide: bool, sample: u16) {
    if wide {
        row.extend_from_slice(&sample.to_le_bytes());
    } else {
        row.push((sample >> 2) as u8);
    }
}
