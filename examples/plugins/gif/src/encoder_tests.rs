use gif_format::{ColorOutput, DecodeOptions};

use super::*;

const LOSS: Loss = Loss { tolerance: 6, dither: 8 };

/// A moving square on a gradient.
fn picture(width: usize, height: usize, n: usize) -> Vec<u8> {
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let inside = (n..n + 10).contains(&x) && (5..15).contains(&y);
            pixels.extend(if inside {
                [250, 20, 20]
            } else {
                [(x * 255 / width) as u8, (y * 255 / height) as u8, 99]
            });
        }
    }
    pixels
}

fn encode(
    width: usize,
    height: usize,
    frames: impl Iterator<Item = (u64, u64, Vec<u8>)>,
) -> (Vec<u8>, usize) {
    let (mut file, mut largest) = (Vec::new(), 0);
    let mut encoder = Encoder::new(width as u32, height as u32, LOSS, &mut file).expect("begins");
    for (pts, duration, pixels) in frames {
        let mut out = Vec::new();
        encoder.push(&pixels, pts, duration, &mut out).expect("takes a frame");
        largest = largest.max(out.len());
        file.append(&mut out);
    }
    encoder.finish(&mut file).expect("ends");
    (file, largest)
}

/// Delays, and what is seen after every frame.
fn decode(file: &[u8]) -> (Vec<u16>, Vec<Vec<u8>>, gif_format::Repeat) {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    let mut decoder = options.read_info(file).expect("a GIF");
    let width = usize::from(decoder.width());
    let mut canvas = vec![0; width * usize::from(decoder.height()) * 3];
    let (mut delays, mut seen) = (Vec::new(), Vec::new());
    while let Some(frame) = decoder.read_next_frame().expect("a frame") {
        delays.push(frame.delay);
        let (left, top) = (usize::from(frame.left), usize::from(frame.top));
        for (n, pixel) in frame.buffer.chunks_exact(4).enumerate() {
            let (x, y) = (n % usize::from(frame.width), n / usize::from(frame.width));
            if pixel[3] != 0 {
                let at = ((top + y) * width + left + x) * 3;
                canvas[at..at + 3].copy_from_slice(&pixel[..3]);
            }
        }
        seen.push(canvas.clone());
    }
    (delays, seen, decoder.repeat())
}

fn at_rate(num: u64, den: u64, n: u64) -> (u64, u64) {
    let time = |n: u64| n * 1_000_000 * den / num;
    (time(n), time(n + 1) - time(n))
}

#[test]
fn what_is_seen_is_close_to_the_source() {
    let frames = (0..20).map(|n| (n * 40_000, 40_000, picture(61, 35, n as usize)));
    let (file, _) = encode(61, 35, frames);
    let (delays, seen, repeat) = decode(&file);
    assert_eq!(delays, [4; 20]);
    assert_eq!(repeat, Repeat::Infinite);
    for (n, seen) in seen.iter().enumerate() {
        let far = seen.iter().zip(picture(61, 35, n)).map(|(a, b)| a.abs_diff(b)).max();
        assert!(far.is_some_and(|far| far < 40), "frame {n} is off by {far:?}");
    }
}

#[test]
fn delays_add_up_whatever_the_rate() {
    for (num, den) in [(30_000, 1001), (24_000, 1001), (25, 1), (15, 1), (60, 1), (7, 3)] {
        let count = 200;
        let frames = (0..count).map(|n| {
            let (pts, duration) = at_rate(num, den, n);
            (pts, duration, picture(40, 20, n as usize % 30))
        });
        let (delays, _, _) = decode(&encode(40, 20, frames).0);
        let total: u64 = delays.iter().map(|delay| u64::from(*delay)).sum();
        // Where frames are left out, the last one may be a bit longer.
        let spare = u64::from(num > 50 * den);
        let exact = (count * 100 * den + num / 2) / num;
        assert!(total.abs_diff(exact) <= spare, "{total} at {num}/{den}");
        assert!(delays.iter().all(|delay| *delay >= 2), "{num}/{den}");
    }
}

#[test]
fn a_still_is_one_frame_however_long() {
    let frames = (0..50).map(|n| (n * 20_000_000, 20_000_000, picture(30, 20, 3)));
    let (file, _) = encode(30, 20, frames);
    let (delays, seen, _) = decode(&file);
    assert_eq!(delays.iter().map(|delay| u64::from(*delay)).sum::<u64>(), 100_000);
    assert_eq!(delays.len(), 2);
    assert_eq!(seen.first(), seen.last());
}

#[test]
fn bytes_come_out_as_frames_go_in() {
    let frames = (0..200).map(|n| (n * 40_000, 40_000, picture(64, 48, n as usize % 50)));
    let (file, largest) = encode(64, 48, frames);
    assert!(largest * 5 < file.len(), "{largest} bytes of {} at once", file.len());
}

#[test]
fn sizes_and_frames_that_make_no_sense_are_errors() {
    let mut out = Vec::new();
    for (width, height) in [(0, 1), (1, 0), (65_536, 1)] {
        assert!(Encoder::new(width, height, LOSS, &mut out).is_err());
    }
    let mut encoder = Encoder::new(1, 1, LOSS, &mut out).expect("one pixel is enough");
    assert!(encoder.push(&[1, 2], 0, 1, &mut out).is_err());
    assert!(encoder.push(&[1, 2, 3], u64::MAX, 1, &mut out).is_err());
    assert!(encoder.push(&[1, 2, 3], 1, u64::MAX, &mut out).is_err());
    assert!(encoder.push(&[1, 2, 3], 50_000, 0, &mut out).is_ok());
    assert!(encoder.push(&[9, 9, 99], 0, 0, &mut out).is_ok());
}

#[test]
fn a_file_without_frames_is_still_a_gif() {
    let (file, _) = encode(3, 2, std::iter::empty());
    assert!(file.starts_with(b"GIF89a") && file.ends_with(b";"));
    assert_eq!(decode(&file).0, []);
}
