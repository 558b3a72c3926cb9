//! Animated GIF from RGB frames as they come.
//!
//! Knows nothing of plugins: it is as good in an ordinary program. A frame has
//! a palette of its own, and only the part that changed is written, with the
//! unchanged pixels in it transparent. One frame is kept back, because how long
//! it is shown is known when the next one differs.

use gif_format::{DisposalMethod, Encoder as Writer, EncodingError, Frame, Repeat};

#[path = "palette.rs"]
mod palette;

use palette::Quantizer;

/// Index of the colour that lets the frame before be seen.
const TRANSPARENT: u8 = 0;

/// Viewers show a shorter frame much longer. Hundredths of a second.
const SHORTEST: u64 = 2;

/// The format has no longer frames. Hundredths of a second.
const LONGEST: u64 = u16::MAX as u64;

/// Microseconds that a file may last: eleven days.
const END: u64 = 1_000_000_000_000;

/// Pixels of a frame that are counted for its palette.
const COUNTED: usize = 1 << 20;

/// How much may be lost.
#[derive(Debug, Clone, Copy)]
pub struct Loss {
    /// Changes of a channel by up to this are not drawn, 0 to 255.
    pub tolerance: u8,
    /// How far dithering moves a channel, 0 to 64.
    pub dither: u8,
}

/// Encodes one file.
pub struct Encoder {
    writer: Writer<Vec<u8>>,
    width: usize,
    height: usize,
    loss: Loss,
    quantizer: Quantizer,
    /// The source's pixels where they were last drawn; empty before the first.
    drawn: Vec<u8>,
    /// The frame that is not written yet.
    held: Option<Held>,
    /// The end of the last frame, hundredths of a second.
    end: u64,
}

struct Held {
    /// With its pixels compressed.
    frame: Frame<'static>,
    /// Hundredths of a second.
    start: u64,
}

/// The changed part of a frame; the ends are not part of it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Area {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl Encoder {
    /// Begins a file that loops for ever. Sides have 1 to 65,535 pixels.
    pub fn new(width: u32, height: u32, loss: Loss, out: &mut Vec<u8>) -> Result<Encoder, String> {
        let side = |pixels: u32| u16::try_from(pixels).ok().filter(|side| *side > 0);
        let (Some(w), Some(h)) = (side(width), side(height)) else {
            return Err(format!("a GIF can't have {width}x{height} pixels"));
        };
        let mut writer = Writer::new(Vec::new(), w, h, &[]).map_err(failed)?;
        writer.set_repeat(Repeat::Infinite).map_err(failed)?;
        out.append(writer.get_mut());
        Ok(Encoder {
            writer,
            width: usize::from(w),
            height: usize::from(h),
            loss,
            quantizer: Quantizer::new(),
            drawn: Vec::new(),
            held: None,
            end: 0,
        })
    }

    /// Takes the next frame: rows of red, green, blue without padding, its time
    /// and how long it is shown in microseconds. Times don't go back.
    pub fn push(
        &mut self,
        pixels: &[u8],
        pts_us: u64,
        duration_us: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        if pixels.len() != self.width * self.height * 3 {
            return Err(format!("a frame has {} bytes", pixels.len()));
        }
        let end_us = pts_us.saturating_add(duration_us);
        if end_us > END {
            return Err("the file lasts too long for a GIF".into());
        }
        let start = hundredths(pts_us).max(self.held.as_ref().map_or(0, |held| held.start));
        self.end = self.end.max(hundredths(end_us));
        if self.held.as_ref().is_some_and(|held| start - held.start < SHORTEST) {
            return Ok(());
        }
        let Some(area) = self.changed(pixels) else { return Ok(()) };
        let frame = self.draw(pixels, area);
        // The first frame is there from the beginning.
        let start = if self.held.is_some() { start } else { 0 };
        if let Some(held) = self.held.replace(Held { frame, start }) {
            self.write(held, start)?;
        }
        out.append(self.writer.get_mut());
        Ok(())
    }

    /// Ends the file.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), String> {
        if let Some(held) = self.held.take() {
            let end = self.end.max(held.start + SHORTEST);
            self.write(held, end)?;
        }
        out.append(&mut self.writer.into_inner().map_err(failed)?);
        Ok(())
    }

    /// What differs from what is seen; none if nothing does.
    fn changed(&self, pixels: &[u8]) -> Option<Area> {
        let whole = Area { left: 0, top: 0, right: self.width, bottom: self.height };
        if self.drawn.is_empty() {
            return Some(whole);
        }
        let tolerance = self.loss.tolerance;
        let mut area = Area { left: self.width, top: self.height, right: 0, bottom: 0 };
        let rows = pixels.chunks_exact(self.width * 3).zip(self.drawn.chunks_exact(self.width * 3));
        for (y, (now, before)) in rows.enumerate() {
            if now == before {
                continue;
            }
            let mut differs = now
                .chunks_exact(3)
                .zip(before.chunks_exact(3))
                .map(|(now, before)| differ(now, before, tolerance));
            if let Some(first) = differs.position(|differs| differs) {
                let last = first + 1 + differs.rposition(|differs| differs).map_or(0, |n| n + 1);
                area.left = area.left.min(first);
                area.right = area.right.max(last);
                area.top = area.top.min(y);
                area.bottom = y + 1;
            }
        }
        (area.right > 0).then_some(area)
    }

    /// Makes a frame of an area, and remembers what it shows.
    fn draw(&mut self, pixels: &[u8], area: Area) -> Frame<'static> {
        let is_first = self.drawn.is_empty();
        if is_first {
            self.drawn = pixels.to_vec();
        }
        self.choose_colors(pixels, area, is_first);
        let dither = if self.quantizer.is_exact() { 0 } else { i32::from(self.loss.dither) };
        let row = (area.right - area.left) * 3;
        let mut indices = Vec::with_capacity(row / 3 * (area.bottom - area.top));
        for y in area.top..area.bottom {
            let start = (y * self.width + area.left) * 3;
            let now = &pixels[start..start + row];
            let before = &mut self.drawn[start..start + row];
            let offsets = &offsets(dither, y);
            let pairs = now.chunks_exact(3).zip(before.chunks_exact_mut(3));
            for (n, (now, before)) in pairs.enumerate() {
                if !is_first && !differ(now, before, self.loss.tolerance) {
                    indices.push(TRANSPARENT);
                    continue;
                }
                before.copy_from_slice(now);
                let offset = offsets[(area.left + n) % 8];
                let color = [now[0], now[1], now[2]];
                let color = color.map(|c| (i32::from(c) + offset).clamp(0, 255) as u8);
                indices.push(self.quantizer.index(color) + 1);
            }
        }
        let mut palette = vec![0; 3];
        palette.extend(self.quantizer.colors().iter().flatten());
        let mut frame = Frame {
            dispose: DisposalMethod::Keep,
            transparent: Some(TRANSPARENT),
            left: area.left as u16,
            top: area.top as u16,
            width: (area.right - area.left) as u16,
            height: (area.bottom - area.top) as u16,
            palette: Some(palette),
            buffer: indices.into(),
            ..Frame::default()
        };
        frame.make_lzw_pre_encoded();
        frame
    }

    /// A palette for what changed in an area, without room for the transparent
    /// one.
    fn choose_colors(&mut self, pixels: &[u8], area: Area, all: bool) {
        self.quantizer.clear();
        let width = area.right - area.left;
        // A prime makes the pixels that are counted wander over the columns.
        let step = match width * (area.bottom - area.top) / COUNTED {
            0 => 1,
            1 => 2,
            2 | 3 => 5,
            _ => 67,
        };
        let mut skip = 0;
        for y in area.top..area.bottom {
            let start = (y * self.width + area.left) * 3;
            let now = pixels[start..start + width * 3].chunks_exact(3);
            let before = self.drawn[start..start + width * 3].chunks_exact(3);
            for (now, before) in now.zip(before).skip(skip).step_by(step) {
                if all || differ(now, before, self.loss.tolerance) {
                    self.quantizer.count([now[0], now[1], now[2]]);
                }
            }
            skip = (skip + 1) % step.min(width);
        }
        self.quantizer.choose(255);
    }

    /// Writes a frame that is shown until `end`.
    fn write(&mut self, held: Held, end: u64) -> Result<(), String> {
        let Held { mut frame, start } = held;
        let mut left = end - start;
        // What is left must not be too short for a frame of its own.
        let mut delay = if left > LONGEST { left.min(LONGEST - SHORTEST) } else { left };
        frame.delay = delay as u16;
        self.writer.write_lzw_pre_encoded_frame(&frame).map_err(failed)?;
        left -= delay;
        while left > 0 {
            delay = if left > LONGEST { LONGEST - SHORTEST } else { left };
            let nothing = Frame {
                delay: delay as u16,
                transparent: Some(TRANSPARENT),
                width: 1,
                height: 1,
                palette: Some(vec![0; 3]),
                buffer: vec![TRANSPARENT].into(),
                ..Frame::default()
            };
            self.writer.write_frame(&nothing).map_err(failed)?;
            left -= delay;
        }
        Ok(())
    }
}

/// Whether two pixels differ by more than is tolerated.
#[inline]
fn differ(a: &[u8], b: &[u8], tolerance: u8) -> bool {
    // Without branches, so that pixels can be compared side by side.
    (a[0].abs_diff(b[0]) > tolerance)
        | (a[1].abs_diff(b[1]) > tolerance)
        | (a[2].abs_diff(b[2]) > tolerance)
}

/// Ordered dithering: what is added to the pixels of a row, by column.
fn offsets(amplitude: i32, y: usize) -> [i32; 8] {
    std::array::from_fn(|x| {
        let (mut rank, mut x_bits, mut y_bits) = (0, x ^ y, y);
        for _ in 0..3 {
            rank = rank << 2 | (x_bits & 1) << 1 | (y_bits & 1);
            x_bits >>= 1;
            y_bits >>= 1;
        }
        (2 * rank as i32 - 63) * amplitude / 64
    })
}

/// To the nearest.
fn hundredths(microseconds: u64) -> u64 {
    (microseconds + 5_000) / 10_000
}

fn failed(error: EncodingError) -> String {
    format!("the GIF can't be written: {error}")
}

#[cfg(test)]
#[path = "encoder_tests.rs"]
mod tests;
