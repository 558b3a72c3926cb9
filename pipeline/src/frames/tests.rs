//! The pump, with programs that write what a decoder would.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_core::probe::Rational;
use clipmill_core::process::Spec;
use clipmill_core::{Code, Error, Retry};
use clipmill_plugins::{FrameEncoder, PcmBlock, RawFrame};

use super::*;
use crate::ffmpeg::{Bounds, Decoder};
use crate::progress::ProgressReporter;
use crate::stages::FrameTiming;

const LONG: Duration = Duration::from_secs(20);
const FRAME: usize = 8;

#[derive(Clone, Copy, PartialEq)]
enum At {
    Never,
    Fails(u64),
    Hangs(u64),
}

/// Writes down what it gets, and gives back a byte for each frame.
struct NotingEncoder {
    trouble: At,
    frames: u64,
    lines: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl FrameEncoder for NotingEncoder {
    async fn push_video(&mut self, frame: RawFrame) -> Result<Bytes, Error> {
        self.frames += 1;
        if self.trouble == At::Fails(self.frames) {
            return Err(Error::later(Code::CodecFailed, "no more"));
        }
        if self.trouble == At::Hangs(self.frames) {
            std::future::pending::<()>().await;
        }
        assert_eq!(frame.data.len(), FRAME);
        let line = format!("v{}+{}", frame.pts_micros, frame.duration_micros);
        self.lines.lock().unwrap().push(line);
        Ok(Bytes::from_static(b"v"))
    }

    async fn push_audio(&mut self, block: PcmBlock) -> Result<Bytes, Error> {
        self.lines.lock().unwrap().push(format!("a{}:{}", block.pts_micros, block.data.len()));
        Ok(Bytes::new())
    }

    async fn finish(self: Box<Self>) -> Result<Bytes, Error> {
        Ok(Bytes::from_static(b"end"))
    }
}

fn decoder(script: &str) -> Decoder {
    let bounds = Bounds { deadline: LONG, silence: LONG, memory_bytes: None, file_bytes: None };
    Decoder::start(Spec::new("sh", ["-c", script], LONG), bounds).unwrap()
}

/// Four frames a second and, where wanted, samples of 8 kHz mono.
async fn pumped(
    folder: &Path,
    script: &str,
    samples: Option<&str>,
    trouble: At,
    most: u64,
) -> (Result<u64, Error>, Vec<String>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let notes = NotingEncoder { trouble, frames: 0, lines: lines.clone() };
    let gap = 250_000;
    let pace =
        FrameTiming { first_gap: Some(gap), average_gap: gap, last_gap: gap, duration: 4 * gap };
    let schedule = CfrSchedule::new(pace, i64::MAX, Rational { num: 4, den: 1 });
    let video = VideoFeed::new(decoder(script), schedule, FRAME);
    let rate = Timescale::new(8000).unwrap();
    let audio = samples.map(|script| AudioFeed::new(decoder(script), rate, 1));
    let path = folder.join("out");
    let mut file = OutputFile::create(&path, most).await.unwrap();
    let progress = ProgressReporter::default();
    let progress = EncodeProgress::new(&progress, schedule.count);
    let silence = Duration::from_millis(300);
    let pump = Pump { encoder: Box::new(notes), video, audio, silence, progress };
    let ended = pump.run(&mut file).await;
    if ended.is_ok() {
        file.finish().await.unwrap();
        file.keep();
    } else {
        drop(file);
        assert!(!path.exists(), "a half-made file stays");
    }
    let lines = lines.lock().unwrap().clone();
    (ended, lines)
}

#[tokio::test]
async fn frames_and_audio_come_in_the_order_of_their_times() {
    let folder = tempfile::tempdir().unwrap();
    // 0.45 s of sound beside four frames.
    let (frames, samples) = ("printf '%032d' 0", "head -c 7200 /dev/zero");
    let (ended, lines) = pumped(folder.path(), frames, Some(samples), At::Never, 100).await;
    assert_eq!(ended, Ok(4));
    let expected = [
        "v0+250000",
        "a0:1600",
        "a100000:1600",
        "a200000:1600",
        "v250000+250000",
        "a300000:1600",
        "a400000:800",
        "v500000+250000",
        "v750000+250000",
    ];
    assert_eq!(lines, expected);
    assert_eq!(std::fs::read(folder.path().join("out")).unwrap(), b"vvvvend");
}

#[tokio::test]
async fn a_codec_that_fails_hangs_or_never_stops_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (endless, four) = ("cat /dev/zero", "printf '%032d' 0");
    let (ended, lines) = pumped(folder.path(), endless, None, At::Fails(3), 100).await;
    let error = ended.unwrap_err();
    assert_eq!((error.code, error.retry, lines.len()), (Code::CodecFailed, Retry::Later, 2));
    let (ended, _) = pumped(folder.path(), endless, None, At::Hangs(2), 100).await;
    assert_eq!(ended.unwrap_err().code, Code::StageTimeout);
    let (ended, _) = pumped(folder.path(), endless, None, At::Never, 50).await;
    assert_eq!(ended.unwrap_err().code, Code::TooLarge);
    let (ended, _) = pumped(folder.path(), four, None, At::Never, 7).await;
    assert_eq!(ended, Ok(4));
}

#[tokio::test]
async fn a_decoder_that_fails_is_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let fails = "printf '%016d' 0; exit 1";
    let (ended, lines) = pumped(folder.path(), fails, None, At::Never, 100).await;
    assert_eq!((ended.unwrap_err().code, lines.len()), (Code::EncodeFailed, 2));
    let half = "printf '%012d' 0";
    let (ended, _) = pumped(folder.path(), half, None, At::Never, 100).await;
    assert_eq!(ended.unwrap_err().code, Code::EncodeFailed);
}
