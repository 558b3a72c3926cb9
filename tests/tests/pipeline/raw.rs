//! A codec of raw frames: it writes them as YUV4MPEG2, keeps the sound to
//! itself, and misbehaves as a test says.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_core::probe::{Container, Probe, Rational};
use clipmill_core::{Code, Error};
use clipmill_plugins::{
    Codec, CodecDescription, Encoders, FrameEncoder, FrameFormat, FramePlan, PcmBlock, PcmFormat,
    Plan, RawFrame,
};

/// What it does beside its work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trouble {
    Not,
    /// Fails at this frame.
    FailsAt(usize),
    /// Answers each frame with 64 MiB.
    Floods,
    /// Makes nothing.
    Empty,
    /// Makes something that is no video.
    Garbage,
    /// Leaves the last frame out.
    Forgets,
}

/// The codec, and what it has seen of its last file.
#[derive(Clone)]
pub struct Raw {
    /// Size and rate that it wants in place of the source's.
    pub wants: Option<(u32, u32, Rational)>,
    pub trouble: Trouble,
    pub extension: &'static str,
    pub seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
pub struct Seen {
    /// Times and durations of frames.
    pub frames: Vec<(u64, u64)>,
    /// Times of blocks.
    pub blocks: Vec<u64>,
    /// Their samples.
    pub samples: Vec<u8>,
    /// Whether every push came at its turn.
    pub is_disordered: bool,
}

/// What it asks for where there is any sound.
pub const PCM: PcmFormat = PcmFormat { sample_rate: 48_000, channels: 2 };

impl Raw {
    pub fn new() -> Raw {
        Raw { wants: None, trouble: Trouble::Not, extension: "y4m", seen: Arc::default() }
    }

    pub fn wanting(width: u32, height: u32, num: u64, den: u64) -> Raw {
        Raw { wants: Some((width, height, Rational { num, den })), ..Raw::new() }
    }

    pub fn troubled(trouble: Trouble) -> Raw {
        Raw { trouble, ..Raw::new() }
    }
}

#[async_trait]
impl Codec for Raw {
    fn describe(&self) -> CodecDescription {
        CodecDescription {
            name: "raw".into(),
            qualities: vec!["plain".into()],
            container: Container::Other,
            mime: "video/x-raw".into(),
            extension: self.extension.into(),
            offered: true,
        }
    }

    async fn plan(&self, probe: &Probe, _: &str, _: &Encoders) -> Result<Plan, Error> {
        let video = probe.video.as_ref().unwrap();
        let (width, height) = match video.rotation % 180 {
            90 => (video.height, video.width),
            _ => (video.width, video.height),
        };
        let rate = video.base_rate.unwrap();
        let (width, height, frame_rate) = self.wants.unwrap_or((width, height, rate));
        let pixel_format = FrameFormat::Yuv420p;
        Ok(Plan::Frames(FramePlan { width, height, pixel_format, frame_rate, audio: Some(PCM) }))
    }

    async fn begin(
        &self,
        plan: &FramePlan,
        quality: &str,
    ) -> Result<(Box<dyn FrameEncoder>, Bytes), Error> {
        assert_eq!(quality, "plain");
        *self.seen.lock().unwrap() = Seen::default();
        let FramePlan { width, height, frame_rate: Rational { num, den }, .. } = *plan;
        let head = match self.trouble {
            Trouble::Empty => String::new(),
            Trouble::Garbage => "this is no video at all".to_owned(),
            _ => format!("YUV4MPEG2 W{width} H{height} F{num}:{den} Ip A1:1 C420jpeg\n"),
        };
        let encoder = Encoder {
            size: plan.frame_bytes() as usize,
            trouble: self.trouble,
            last: Bytes::new(),
            seen: self.seen.clone(),
        };
        Ok((Box::new(encoder), head.into()))
    }
}

struct Encoder {
    size: usize,
    trouble: Trouble,
    last: Bytes,
    seen: Arc<Mutex<Seen>>,
}

#[async_trait]
impl FrameEncoder for Encoder {
    async fn push_video(&mut self, frame: RawFrame) -> Result<Bytes, Error> {
        assert_eq!(frame.data.len(), self.size);
        let mut seen = self.seen.lock().unwrap();
        seen.is_disordered |= seen.blocks.last().is_some_and(|block| *block >= frame.pts_micros);
        seen.frames.push((frame.pts_micros, frame.duration_micros));
        match self.trouble {
            Trouble::FailsAt(n) if seen.frames.len() == n => {
                return Err(Error::later(Code::CodecFailed, "this frame is too much"));
            }
            Trouble::Floods => return Ok(vec![0; 64 << 20].into()),
            Trouble::Empty | Trouble::Garbage => return Ok(Bytes::new()),
            Trouble::FailsAt(_) | Trouble::Not | Trouble::Forgets => {}
        }
        let bytes = [b"FRAME\n", &frame.data[..]].concat();
        Ok(std::mem::replace(&mut self.last, bytes.into()))
    }

    async fn push_audio(&mut self, block: PcmBlock) -> Result<Bytes, Error> {
        let mut seen = self.seen.lock().unwrap();
        let frames = seen.frames.last();
        seen.is_disordered |= frames.is_none_or(|(pts, _)| *pts > block.pts_micros);
        seen.blocks.push(block.pts_micros);
        seen.samples.extend_from_slice(&block.data);
        Ok(Bytes::new())
    }

    async fn finish(self: Box<Self>) -> Result<Bytes, Error> {
        match self.trouble {
            Trouble::Forgets => Ok(Bytes::new()),
            _ => Ok(self.last),
        }
    }
}
