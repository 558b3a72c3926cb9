//! A block: the frames of one track that share one time stamp.

use super::ebml::number;
use crate::{Codec, Error};

/// The head of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Number of its track.
    pub track: u64,
    /// Ticks after its cluster's time stamp.
    pub time: i16,
    /// Whether decoding can begin here; only a simple block says so.
    pub key: bool,
    lacing: u8,
    /// Bytes of the head.
    pub length: usize,
}

/// The head of the block whose content begins so.
///
/// # Errors
/// When it is cut off.
pub fn block(bytes: &[u8]) -> Result<Block, Error> {
    let damaged = || Error::damaged("a block has no head");
    let (track, long) = number(bytes)?.ok_or_else(damaged)?;
    let rest = bytes.get(long..).unwrap_or_default();
    let [high, low, flags, ..] = rest else { return Err(damaged()) };
    Ok(Block {
        track: track.ok_or_else(damaged)?,
        time: i16::from_be_bytes([*high, *low]),
        key: flags & 0x80 != 0,
        lacing: flags >> 1 & 3,
        length: long + 3,
    })
}

impl Block {
    /// Bytes from the block's first one that are enough to tell its frames.
    pub fn enough(size: u64) -> usize {
        // The sizes of at most 256 frames: each takes at most 8 bytes, or one
        // more for each 255 bytes of the frame.
        const MOST: u64 = 4096;
        (MOST + size / 255).min(size).min(1 << 24) as usize
    }

    /// Where the frames are: first byte after the block's own first one, and
    /// bytes. `bytes` is the block's beginning and `size` all of it.
    ///
    /// # Errors
    /// When the frames are not within the block.
    pub fn frames(&self, bytes: &[u8], size: u64) -> Result<Vec<(u64, u32)>, Error> {
        let damaged = || Error::damaged("the frames of a block are not within it");
        let head = self.length as u64;
        let payload = size.checked_sub(head).ok_or_else(damaged)?;
        if self.lacing == 0 {
            return Ok(vec![(head, u32::try_from(payload).map_err(|_| damaged())?)]);
        }
        let table = bytes.get(self.length..).unwrap_or_default();
        let (count, table) = table.split_first().ok_or_else(damaged)?;
        let count = usize::from(*count) + 1;
        let (mut sizes, used) = match self.lacing {
            1 => xiph(table, count - 1).ok_or_else(damaged)?,
            3 => ebml(table, count - 1)?.ok_or_else(damaged)?,
            _ => {
                let frames = payload.saturating_sub(1);
                let each = frames / count as u64;
                if each * count as u64 != frames {
                    return Err(damaged());
                }
                (vec![each; count - 1], 0)
            }
        };
        let mut at = head + 1 + used as u64;
        let told = sizes.iter().try_fold(at, |at, size| at.checked_add(*size));
        sizes.push(told.and_then(|told| size.checked_sub(told)).ok_or_else(damaged)?);
        let mut frames = Vec::with_capacity(count);
        for size in sizes {
            frames.push((at, u32::try_from(size).map_err(|_| damaged())?));
            at += size;
        }
        Ok(frames)
    }
}

/// Sizes as sums of bytes, and how many bytes told them.
fn xiph(table: &[u8], count: usize) -> Option<(Vec<u64>, usize)> {
    let (mut sizes, mut used) = (Vec::with_capacity(count), 0);
    for _ in 0..count {
        let mut size = 0;
        loop {
            let byte = *table.get(used)?;
            used += 1;
            size += u64::from(byte);
            if byte != 255 {
                break;
            }
        }
        sizes.push(size);
    }
    Some((sizes, used))
}

/// Sizes as a number and its changes, and how many bytes told them.
fn ebml(table: &[u8], count: usize) -> Result<Option<(Vec<u64>, usize)>, Error> {
    let (mut sizes, mut used) = (Vec::with_capacity(count), 0);
    let mut last: Option<i64> = None;
    for _ in 0..count {
        let Some((value, long)) = number(table.get(used..).unwrap_or_default())? else {
            return Ok(None);
        };
        used += long;
        // All bits set is no unknown size here, but the greatest value.
        let value = value.unwrap_or((1_u64 << (7 * long)) - 1) as i64;
        let size = match last {
            None => Some(value),
            Some(last) => last.checked_add(value - ((1_i64 << (7 * long - 1)) - 1)),
        };
        let Some(size) = size.filter(|size| *size >= 0) else { return Ok(None) };
        last = Some(size);
        sizes.push(size as u64);
    }
    Ok(Some((sizes, used)))
}

/// Nanoseconds that a packet of sound lasts, as its codec tells.
pub fn lasts(codec: &Codec, rate: u32, packet: &[u8]) -> Option<u64> {
    let samples = match codec {
        Codec::Opus => return opus(packet).map(|samples| samples * 1_000_000_000 / 48_000),
        Codec::Aac => 1024,
        Codec::Mp3 if rate < 32_000 => 576,
        Codec::Mp3 => 1152,
        Codec::Ac3 | Codec::Eac3 => 1536,
        _ => return None,
    };
    (samples * 1_000_000_000_u64).checked_div(u64::from(rate))
}

/// Samples of 48 kHz in a packet of Opus (RFC 6716, 3.1).
pub fn opus(packet: &[u8]) -> Option<u64> {
    let first = *packet.first()?;
    let config = usize::from(first >> 3);
    let frame = match config {
        0..12 => [480, 960, 1920, 2880][config & 3],
        12..16 => [480, 960][config & 1],
        _ => [120, 240, 480, 960][config & 3],
    };
    let count = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(*packet.get(1)? & 0x3F),
    };
    Some(frame * count).filter(|samples| (1..=5760).contains(samples))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn frames(bytes: &[u8]) -> Result<Vec<(u64, u32)>, Error> {
        block(bytes)?.frames(bytes, bytes.len() as u64)
    }

    #[test]
    fn every_lacing_tells_its_frames() {
        let mut none = vec![0x81, 0, 5, 0x80];
        none.extend([1; 9]);
        assert_eq!(frames(&none).unwrap(), [(4, 9)]);
        let mut fixed = vec![0x81, 0, 5, 0x04, 2];
        fixed.extend([1; 9]);
        assert_eq!(frames(&fixed).unwrap(), [(5, 3), (8, 3), (11, 3)]);
        fixed.push(1);
        assert!(frames(&fixed).is_err());
        let mut xiph = vec![0x81, 0, 5, 0x02, 2, 255, 1, 2];
        xiph.extend([1; 256 + 2 + 4]);
        assert_eq!(frames(&xiph).unwrap(), [(8, 256), (264, 2), (266, 4)]);
        // 3 bytes, then one fewer, then what is left.
        let mut ebml = vec![0x81, 0, 5, 0x06, 2, 0x83, 0xBE];
        ebml.extend([1; 3 + 2 + 6]);
        assert_eq!(frames(&ebml).unwrap(), [(7, 3), (10, 2), (12, 6)]);
        ebml.truncate(11);
        assert!(frames(&ebml).is_err());
        assert!(frames(&[0x81, 0, 5]).is_err());
        assert!(frames(&[0x81, 0, 5, 2]).is_err());
        assert!(frames(&[0x81, 0, 5, 4]).is_err());
    }

    #[test]
    fn opus_tells_how_long_its_packets_are() {
        assert_eq!(opus(&[0xFC]), Some(960));
        assert_eq!(opus(&[0xE0]), Some(120));
        assert_eq!(opus(&[0x0B, 0x02]), Some(1920));
        assert_eq!(opus(&[0x03, 0x3F]), None);
        assert_eq!(opus(&[0x03]), None);
    }
}
