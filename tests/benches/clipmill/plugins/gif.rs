//! Encoding frames in a plugin, and with the same code in this program.

use std::time::Instant;

use bytes::Bytes;
use clipmill_core::probe::{Container, Probe, Rational, VideoStream};
use clipmill_plugins::{Encoders, FramePlan, Plan, RawFrame};

use super::Host;
use crate::measure::{Samples, quick};
use crate::report::{Goal, Report, Row};

#[path = "../../../../examples/plugins/gif/src/encoder.rs"]
#[allow(dead_code, missing_docs)]
mod encoder;

const WIDTH: u32 = 480;
const HEIGHT: u32 = 270;
const RATE: u64 = 25;

/// Encodes the same pictures both ways, in turns: a camera that pans, so that every pixel changes
/// as it does in video, and one that stands still, where handing frames over counts for more.
pub async fn measure(report: &mut Report) {
    let host = Host::with(&["gif"]).await;
    for (name, pan, goal) in [
        ("plugin: GIF of a pan, 480x270, to native code", 3, Goal::RatioAtLeast(0.5)),
        ("plugin: GIF of little change, 480x270, to native code", 0, Goal::None),
    ] {
        let (count, rounds) = if quick() { (30, 3) } else { (100, 7) };
        let frames: Vec<Vec<u8>> = (0..count).map(|number| picture(number, pan)).collect();
        let (mut ours, mut native) = (Samples::default(), Samples::default());
        for _ in 0..rounds {
            let began = Instant::now();
            let of_plugin = in_plugin(&host, &frames).await;
            ours.push(count as f64 / began.elapsed().as_secs_f64());
            let began = Instant::now();
            let of_program = in_program(&frames);
            native.push(count as f64 / began.elapsed().as_secs_f64());
            assert_eq!(of_plugin, of_program, "both make the same file");
        }
        let row = Row::new(name, "frames/s", goal).ours(ours.median());
        report.add(row.peer(Ok(native.median())));
    }
}

/// Something that moves over something that has many colours and moves by `pan` pixels a picture.
fn picture(number: u64, pan: u64) -> Vec<u8> {
    let mut pixels = Vec::with_capacity((WIDTH * HEIGHT * 3) as usize);
    for y in 0..u64::from(HEIGHT) {
        for x in 0..u64::from(WIDTH) {
            let near = x.abs_diff(number * 4 % u64::from(WIDTH)) < 40 && y.abs_diff(120) < 40;
            let shade = |value: u64| (value % 256) as u8;
            let there = x + number * pan;
            // Stripes and blocks of different sizes, as houses and trees have edges.
            let edge = if (there / 7 + y / 11).is_multiple_of(3) { 60 } else { 0 };
            pixels.extend(match near {
                true => [shade(x * 5 + number), shade(y * 3), 200],
                false => [shade(there / 2 + edge), shade(y + edge), shade((there + y) / 3)],
            });
        }
    }
    pixels
}

fn probe() -> Probe {
    let rate = Rational { num: RATE, den: 1 };
    Probe {
        container: Container::Mp4,
        format_name: "mov,mp4,m4a,3gp,3g2,mj2".into(),
        start: 0.0,
        first_timestamp: 0.0,
        duration: Some(4.0),
        size: 1,
        video: Some(VideoStream {
            index: 0,
            codec: "h264".into(),
            width: WIDTH,
            height: HEIGHT,
            pixel_format: "yuv420p".into(),
            average_rate: Some(rate),
            base_rate: Some(rate),
            time_base: Rational { num: 1, den: RATE },
            rotation: 0,
            start: None,
            interlaced: false,
            color: [const { None }; 4],
        }),
        audio: Vec::new(),
    }
}

fn time(number: usize) -> u64 {
    number as u64 * 1_000_000 / RATE
}

async fn in_plugin(host: &Host, frames: &[Vec<u8>]) -> Vec<u8> {
    let codec = host.registry.codec("gif").unwrap();
    let plan = codec.plan(&probe(), "high", &Encoders::new()).await.unwrap();
    let Plan::Frames(plan) = plan else { panic!("it encodes by itself") };
    assert_eq!(FramePlan { audio: None, ..plan.clone() }, plan);
    let (mut encoder, head) = codec.begin(&plan, "high").await.unwrap();
    let mut file = head.to_vec();
    for (number, pixels) in frames.iter().enumerate() {
        let frame = RawFrame {
            pts_micros: time(number),
            duration_micros: time(1),
            data: Bytes::from(pixels.clone()),
        };
        file.extend_from_slice(&encoder.push_video(frame).await.unwrap());
    }
    file.extend_from_slice(&encoder.finish().await.unwrap());
    file
}

fn in_program(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    let loss = encoder::Loss { tolerance: 5, dither: 6 };
    let mut encoder = encoder::Encoder::new(WIDTH, HEIGHT, loss, &mut file).unwrap();
    for (number, pixels) in frames.iter().enumerate() {
        encoder.push(&pixels.clone(), time(number), time(1), &mut file).unwrap();
    }
    encoder.finish(&mut file).unwrap();
    file
}
