//! Raw frames and samples on their way from ffmpeg: one piece each is ready
//! while the one before it is being encoded.

use bytes::{Bytes, BytesMut};
use clipmill_core::{Code, Error};
use clipmill_plugins::{PcmBlock, PcmFormat, RawFrame};

use super::slots::Slots;
use crate::ffmpeg::Decoder;

/// Blocks of sound per second.
const BLOCKS: u32 = 10;
/// Bytes of one sample of one channel.
const SAMPLE: u32 = 2;

/// The frames of a picture.
pub(super) struct Picture {
    decoder: Decoder,
    slots: Slots,
    frame_bytes: usize,
    number: u64,
    has_ended: bool,
    ready: Option<RawFrame>,
}

impl Picture {
    /// Frames of so many bytes from this decoder.
    pub fn new(decoder: Decoder, slots: Slots, frame_bytes: usize) -> Picture {
        Picture { decoder, slots, frame_bytes, number: 0, has_ended: false, ready: None }
    }

    /// When the frame that is ready is shown.
    pub fn next(&self) -> Option<u64> {
        self.ready.as_ref().map(|frame| frame.pts_micros)
    }

    /// The frame that is ready.
    pub fn take(&mut self) -> Option<RawFrame> {
        self.ready.take()
    }

    /// Gets the next frame ready, if there is one.
    ///
    /// # Errors
    /// What the decoder says.
    pub async fn refill(&mut self) -> Result<(), Error> {
        if self.has_ended || self.ready.is_some() {
            return Ok(());
        }
        let mut data = BytesMut::zeroed(self.frame_bytes);
        let filled = self.decoder.fill(&mut data).await?;
        if filled < self.frame_bytes {
            self.has_ended = true;
            return match filled {
                0 => Ok(()),
                _ => Err(Error::never(Code::EncodeFailed, "ffmpeg broke off within a frame")),
            };
        }
        let (pts, end) = (self.slots.time(self.number), self.slots.time(self.number + 1));
        self.number += 1;
        let data = data.freeze();
        self.ready = Some(RawFrame { pts_micros: pts, duration_micros: end - pts, data });
        Ok(())
    }
}

/// The samples of a sound.
pub(super) struct Sound {
    decoder: Decoder,
    format: PcmFormat,
    samples: u64,
    has_ended: bool,
    ready: Option<PcmBlock>,
}

impl Sound {
    /// Samples of this format from this decoder.
    pub fn new(decoder: Decoder, format: PcmFormat) -> Sound {
        Sound { decoder, format, samples: 0, has_ended: false, ready: None }
    }

    /// When the block that is ready begins.
    pub fn next(&self) -> Option<u64> {
        self.ready.as_ref().map(|block| block.pts_micros)
    }

    /// The block that is ready.
    pub fn take(&mut self) -> Option<PcmBlock> {
        self.ready.take()
    }

    /// Gets the next block ready, if there is one.
    ///
    /// # Errors
    /// What the decoder says.
    pub async fn refill(&mut self) -> Result<(), Error> {
        if self.has_ended || self.ready.is_some() {
            return Ok(());
        }
        let PcmFormat { sample_rate, channels } = self.format;
        let all = u64::from(channels * SAMPLE);
        let mut data = BytesMut::zeroed((sample_rate / BLOCKS * channels * SAMPLE) as usize);
        let filled = self.decoder.fill(&mut data).await?;
        self.has_ended = filled < data.len();
        let count = filled as u64 / all;
        data.truncate((count * all) as usize);
        let pts = self.samples.saturating_mul(1_000_000) / u64::from(sample_rate);
        self.samples += count;
        let data: Bytes = data.freeze();
        self.ready = (count > 0).then_some(PcmBlock { pts_micros: pts, data });
        Ok(())
    }
}
