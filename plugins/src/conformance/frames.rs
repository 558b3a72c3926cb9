//! Cases for codecs that encode frames by themselves.

use bytes::Bytes;
use clipmill_core::probe::Probe;
use clipmill_core::{Code, Error};

use super::message::is_message;
use super::{all_encoders, probes};
use crate::{Codec, FrameEncoder, FramePlan, PcmBlock, Plan, RawFrame};

/// Frames of a file.
const FRAMES: u64 = 3;

/// Runs every case that concerns raw frames. For a codec that plans for ffmpeg
/// there is one.
pub(super) async fn frame_cases(codec: &dyn Codec) {
    for quality in codec.describe().qualities {
        for probe in small_probes() {
            match codec.plan(&probe, &quality, &all_encoders()).await {
                Ok(Plan::Frames(plan)) => {
                    the_same_frames_make_the_same_file(codec, &plan, &quality).await;
                    sound_can_be_left_out(codec, &plan, &quality).await;
                    a_file_that_breaks_off_harms_no_other(codec, &plan, &quality).await;
                    frames_of_a_wrong_size_are_a_known_error_at_most(codec, &plan, &quality).await;
                    a_file_without_frames_is_a_known_error_at_most(codec, &plan, &quality).await;
                }
                Ok(Plan::Ffmpeg(_)) => no_frames_are_taken(codec, &quality).await,
                Err(_) => {}
            }
        }
    }
}

/// The smallest files of their kind: the rules don't depend on the size.
fn small_probes() -> Vec<Probe> {
    let small = |probe: &Probe| {
        probe.video.as_ref().is_some_and(|it| it.width < 400 && it.pixel_format == "yuv420p")
    };
    probes().into_iter().filter(small).collect()
}

async fn no_frames_are_taken(codec: &dyn Codec, quality: &str) {
    let plan = FramePlan {
        width: 16,
        height: 16,
        pixel_format: crate::FrameFormat::Rgb24,
        frame_rate: clipmill_core::probe::Rational { num: 25, den: 1 },
        audio: None,
    };
    let begun = codec.begin(&plan, quality).await.map(|_| ());
    assert_eq!(begun.map_err(|error| error.code), Err(Code::NotEncodable));
}

/// Two files at a time, frame by frame: neither sees the other's.
async fn the_same_frames_make_the_same_file(codec: &dyn Codec, plan: &FramePlan, quality: &str) {
    let what = format!("{} {quality}", codec.describe().name);
    let (mut one, mut other) =
        (begun(codec, plan, quality).await, begun(codec, plan, quality).await);
    for n in 0..FRAMES {
        one.push(plan, n).await;
        other.push(plan, n).await;
    }
    let (one, other) = (one.finish().await, other.finish().await);
    assert!(!one.is_empty(), "{what}: a file has no bytes");
    assert!(one == other, "{what}: the same frames make another file");
    assert!(one == whole(codec, plan, quality).await, "{what}: a file alone is another");
}

async fn sound_can_be_left_out(codec: &dyn Codec, plan: &FramePlan, quality: &str) {
    let silent = FramePlan { audio: None, ..plan.clone() };
    assert!(!whole(codec, &silent, quality).await.is_empty(), "a file without sound has no bytes");
}

async fn a_file_that_breaks_off_harms_no_other(codec: &dyn Codec, plan: &FramePlan, quality: &str) {
    let before = whole(codec, plan, quality).await;
    // More than are likely to be encoded at a time.
    for _ in 0..20 {
        let mut file = begun(codec, plan, quality).await;
        file.push(plan, 0).await;
    }
    assert!(before == whole(codec, plan, quality).await, "what was dropped is still there");
}

async fn frames_of_a_wrong_size_are_a_known_error_at_most(
    codec: &dyn Codec,
    plan: &FramePlan,
    quality: &str,
) {
    for bytes in [0, 1, plan.frame_bytes() as usize - 1, plan.frame_bytes() as usize + 1] {
        let mut file = begun(codec, plan, quality).await;
        let frame = RawFrame { data: vec![0; bytes].into(), ..frame(plan, 0) };
        known(file.encoder.push_video(frame).await);
    }
}

async fn a_file_without_frames_is_a_known_error_at_most(
    codec: &dyn Codec,
    plan: &FramePlan,
    quality: &str,
) {
    known(begun(codec, plan, quality).await.encoder.finish().await);
}

/// A file that is being made.
struct File {
    encoder: Box<dyn FrameEncoder>,
    bytes: Vec<u8>,
}

async fn begun(codec: &dyn Codec, plan: &FramePlan, quality: &str) -> File {
    match codec.begin(plan, quality).await {
        Ok((encoder, head)) => File { encoder, bytes: head.into() },
        Err(error) => panic!("a plan of {} does not begin: {error}", codec.describe().name),
    }
}

async fn whole(codec: &dyn Codec, plan: &FramePlan, quality: &str) -> Vec<u8> {
    let mut file = begun(codec, plan, quality).await;
    for n in 0..FRAMES {
        file.push(plan, n).await;
    }
    file.finish().await
}

impl File {
    async fn push(&mut self, plan: &FramePlan, n: u64) {
        let frame = frame(plan, n);
        let pts_micros = frame.pts_micros;
        self.push_checked(|encoder| encoder.push_video(frame)).await;
        if let Some(audio) = plan.audio {
            let samples = (audio.sample_rate / 25 * audio.channels) as usize;
            let block = PcmBlock { pts_micros, data: vec![n as u8; samples * 2].into() };
            self.push_checked(|encoder| encoder.push_audio(block)).await;
        }
    }

    async fn push_checked<'a, F>(
        &'a mut self,
        push: impl FnOnce(&'a mut Box<dyn FrameEncoder>) -> F,
    ) where
        F: Future<Output = Result<Bytes, Error>>,
    {
        match push(&mut self.encoder).await {
            Ok(bytes) => self.bytes.extend_from_slice(&bytes),
            Err(error) => panic!("what was planned is not taken: {error}"),
        }
    }

    async fn finish(mut self) -> Vec<u8> {
        match self.encoder.finish().await {
            Ok(bytes) => self.bytes.extend_from_slice(&bytes),
            Err(error) => panic!("a file does not end: {error}"),
        }
        self.bytes
    }
}

/// A frame of its own colours.
fn frame(plan: &FramePlan, n: u64) -> RawFrame {
    let duration = (1e6 / plan.frame_rate.as_f64()) as u64;
    let pixels = (0..plan.frame_bytes()).map(|at| (at * (n + 3) / 7) as u8);
    RawFrame { pts_micros: n * duration, duration_micros: duration, data: pixels.collect() }
}

/// An answer whose error, if it is one, can be told to people.
fn known(answer: Result<Bytes, Error>) {
    if let Err(error) = answer {
        assert!(Code::CODEC.contains(&error.code), "{} is no code", error.code);
        assert!(is_message(&error.message), "{:?} can't be shown", error.message);
        assert_ne!(error.code, Code::PluginFailed, "it failed where it should refuse: {error}");
    }
}
