//! Raw frames and samples on their way from ffmpeg. Of each there is one ready
//! while the one before it is being encoded.

use bytes::BytesMut;
use clipmill_core::{Code, Error, Timescale};
use clipmill_plugins::{PcmBlock, RawFrame};

use super::cfr_schedule::CfrSchedule;
use crate::ffmpeg::Decoder;

/// Blocks of audio per second.
const BLOCKS_PER_SECOND: u32 = 10;
/// Bytes of one sample of one channel.
const SAMPLE_BYTES: u32 = 2;

/// Raw frames.
pub(super) struct VideoFeed {
    decoder: Decoder,
    schedule: CfrSchedule,
    frame_bytes: usize,
    next_frame: u64,
    has_ended: bool,
    ready: Option<RawFrame>,
}

impl VideoFeed {
    /// Frames of so many bytes from this decoder.
    pub fn new(decoder: Decoder, schedule: CfrSchedule, frame_bytes: usize) -> VideoFeed {
        VideoFeed { decoder, schedule, frame_bytes, next_frame: 0, has_ended: false, ready: None }
    }

    /// When the frame that is ready is shown, microseconds.
    pub fn next_pts(&self) -> Option<u64> {
        self.ready.as_ref().map(|frame| frame.pts_micros)
    }

    /// Hands out the frame that is ready.
    pub fn take_ready(&mut self) -> Option<RawFrame> {
        self.ready.take()
    }

    /// Reads the next frame, if there is one and none is ready.
    ///
    /// # Errors
    /// Those of the decoder; `encode_failed` when it ends within a frame.
    pub async fn refill(&mut self) -> Result<(), Error> {
        if self.has_ended || self.ready.is_some() {
            return Ok(());
        }
        let mut data = BytesMut::zeroed(self.frame_bytes);
        let filled = self.decoder.fill(&mut data).await?;
        if filled < self.frame_bytes {
            self.has_ended = true;
            if filled > 0 {
                let message = "ffmpeg broke off within a frame";
                return Err(Error::never(Code::EncodeFailed, message));
            }
            return Ok(());
        }
        let pts_micros = self.schedule.time(self.next_frame);
        let duration_micros = self.schedule.time(self.next_frame + 1) - pts_micros;
        self.next_frame += 1;
        self.ready = Some(RawFrame { pts_micros, duration_micros, data: data.freeze() });
        Ok(())
    }
}

/// Raw samples.
pub(super) struct AudioFeed {
    decoder: Decoder,
    /// Samples per second.
    sample_rate: Timescale,
    channels: u32,
    /// Samples that were read.
    samples: i64,
    has_ended: bool,
    ready: Option<PcmBlock>,
}

impl AudioFeed {
    /// Samples of this format from this decoder.
    pub fn new(decoder: Decoder, sample_rate: Timescale, channels: u32) -> AudioFeed {
        AudioFeed { decoder, sample_rate, channels, samples: 0, has_ended: false, ready: None }
    }

    /// When the block that is ready starts, microseconds.
    pub fn next_pts(&self) -> Option<u64> {
        self.ready.as_ref().map(|block| block.pts_micros)
    }

    /// Hands out the block that is ready.
    pub fn take_ready(&mut self) -> Option<PcmBlock> {
        self.ready.take()
    }

    /// Reads the next block, if there is one and none is ready.
    ///
    /// # Errors
    /// Those of the decoder.
    pub async fn refill(&mut self) -> Result<(), Error> {
        if self.has_ended || self.ready.is_some() {
            return Ok(());
        }
        let all_channels = (self.channels * SAMPLE_BYTES) as usize;
        let samples = (self.sample_rate.get() / BLOCKS_PER_SECOND) as usize;
        let mut data = BytesMut::zeroed(samples * all_channels);
        let filled = self.decoder.fill(&mut data).await?;
        self.has_ended = filled < data.len();
        let count = filled / all_channels;
        data.truncate(count * all_channels);
        let pts_micros = self.sample_rate.micros_floor(self.samples).unsigned_abs();
        self.samples = self.samples.saturating_add_unsigned(count as u64);
        let block = PcmBlock { pts_micros, data: data.freeze() };
        self.ready = (count > 0).then_some(block);
        Ok(())
    }
}
