//! A codec whose format shows one frame for longer in place of equal ones.

use std::io::Write;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_core::probe::{Container, Probe, Rational};
use clipmill_core::{Code, Error};
use clipmill_plugins::{
    Codec, CodecDescription, Encoders, FrameEncoder, FrameFormat, FramePlan, PcmBlock, Plan,
    RawFrame,
};
use clipmill_tests::media::{self, read_frames};
use clipmill_tests::tool;
use gif_format::{Encoder, Frame, Repeat};

use super::bench::{Bench, encode, local};

const RATE: Rational = Rational { num: 15, den: 1 };

/// Animated GIF in shades of gray. `hurried` writes too short delays.
struct Gif {
    hurried: bool,
}

#[async_trait]
impl Codec for Gif {
    fn describe(&self) -> CodecDescription {
        CodecDescription {
            name: "gif".into(),
            qualities: vec!["gray".into()],
            container: Container::Other,
            mime: "image/gif".into(),
            extension: "gif".into(),
            offered: true,
        }
    }

    async fn plan(&self, _: &Probe, _: &str, _: &Encoders) -> Result<Plan, Error> {
        Ok(Plan::Frames(FramePlan {
            width: 320,
            height: 180,
            pixel_format: FrameFormat::Gray,
            frame_rate: RATE,
            audio: None,
        }))
    }

    async fn begin(
        &self,
        plan: &FramePlan,
        _: &str,
    ) -> Result<(Box<dyn FrameEncoder>, Bytes), Error> {
        let (written, size) = (Written::default(), (plan.width as u16, plan.height as u16));
        let grays: Vec<u8> = (0..=255).flat_map(|gray| [gray; 3]).collect();
        let mut encoder = Encoder::new(written.clone(), size.0, size.1, &grays).unwrap();
        encoder.set_repeat(Repeat::Infinite).unwrap();
        let head = written.take();
        let gif = Writer { encoder, written, size, waiting: None, hurried: self.hurried };
        Ok((Box::new(gif), head))
    }
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap()).into()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Writer {
    encoder: Encoder<Written>,
    written: Written,
    size: (u16, u16),
    /// A frame, and when it begins and ends.
    waiting: Option<(Bytes, u64, u64)>,
    hurried: bool,
}

impl Writer {
    fn write(&mut self) {
        let Some((pixels, from, to)) = self.waiting.take() else { return };
        let hundredths = |micros: u64| ((micros + 5_000) / 10_000) as u16;
        let (width, height) = self.size;
        let frame = Frame {
            width,
            height,
            delay: if self.hurried { 3 } else { hundredths(to) - hundredths(from) },
            buffer: pixels.to_vec().into(),
            ..Frame::default()
        };
        self.encoder.write_frame(&frame).unwrap();
    }
}

#[async_trait]
impl FrameEncoder for Writer {
    async fn push_video(&mut self, frame: RawFrame) -> Result<Bytes, Error> {
        let end = frame.pts_micros + frame.duration_micros;
        if let Some((pixels, _, to)) = &mut self.waiting
            && *pixels == frame.data
        {
            *to = end;
            return Ok(Bytes::new());
        }
        self.write();
        self.waiting = Some((frame.data, frame.pts_micros, end));
        Ok(self.written.take())
    }

    async fn push_audio(&mut self, _: PcmBlock) -> Result<Bytes, Error> {
        Err(Error::never(Code::CodecFailed, "nobody asked for sound"))
    }

    async fn finish(mut self: Box<Self>) -> Result<Bytes, Error> {
        self.write();
        let Writer { encoder, written, .. } = *self;
        drop(encoder);
        Ok(written.take())
    }
}

#[tokio::test]
async fn every_frame_of_an_animation_is_right_and_short_ones_are_found_out() {
    let of = media::main_clip();
    let bench = Bench::with_codecs(vec![Arc::new(Gif { hurried: false })], |_| {}).await;
    let ask = || local(of.file(), Some((7.0, 9.0)));
    let made = bench.make(ask(), encode("gif", "gray")).await.unwrap();
    assert_eq!((made.extension.as_str(), made.probe.duration), ("gif", Some(2.0)));
    let frames = read_frames(&made.path).unwrap();
    assert_eq!(frames.len(), 30);
    for (n, frame) in (0_u32..).zip(&frames) {
        assert_eq!(frame.number, 210 + 2 * n);
        assert!((frame.pts - f64::from(n) / 15.0).abs() < 0.006, "{frame:?}");
    }
    let bench = Bench::with_codecs(vec![Arc::new(Gif { hurried: true })], |_| {}).await;
    let refused = bench.make(ask(), encode("gif", "gray")).await.unwrap_err();
    assert_eq!(refused.code, Code::EncodeFailed);
}

#[tokio::test]
async fn equal_frames_may_become_one() {
    let bench = Bench::with_codecs(vec![Arc::new(Gif { hurried: false })], |_| {}).await;
    let still = bench.folder.path().join("still.mkv");
    let source = ["-v", "error", "-f", "lavfi", "-i", "color=gray:size=64x48:rate=25:duration=3"];
    let target = ["-c:v", "ffv1", still.to_str().unwrap()];
    tool::run("ffmpeg", [source.as_slice(), &target].concat()).unwrap();
    let made = bench.make(local(&still, None), encode("gif", "gray")).await.unwrap();
    assert_eq!(made.probe.duration, Some(3.0));
    let packets = ["-v", "error", "-show_entries", "packet=pts", "-of", "csv"];
    let listed = tool::run("ffprobe", [&packets[..], &[made.path.to_str().unwrap()]].concat());
    assert_eq!(listed.unwrap().stdout, b"packet,0\n");
}
