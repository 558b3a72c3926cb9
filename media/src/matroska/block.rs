//! Blocks (RFC 9559, 10): frames of one track that share one time stamp.
//!
//! ```text
//! track number (VINT)
//! time stamp (16 bits, signed, ticks after that of the cluster)
//! flags (keyframe, lacing)
//! sizes of the frames but the last one, if the block is laced
//! frames
//! ```

use super::ebml::parse_vint;
use crate::MediaError;

/// What a block starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockHeader {
    /// Number of its track.
    pub track: u64,
    /// Ticks after its cluster's time stamp.
    pub time: i16,
    /// Whether it is a keyframe; only a simple block says so.
    pub keyframe: bool,
    lacing: Lacing,
    /// Bytes of the header.
    pub length: usize,
}

/// How the sizes of several frames in one block are stored (RFC 9559, 10.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lacing {
    None,
    Xiph,
    FixedSize,
    Ebml,
}

/// A frame within its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRange {
    /// First byte, counted from that of the block's content.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
}

impl BlockHeader {
    /// Reads the header of a block from its first bytes.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn parse(bytes: &[u8]) -> Result<BlockHeader, MediaError> {
        let damaged = || MediaError::damaged("a block has no head");
        let track = parse_vint(bytes)?.ok_or_else(damaged)?;
        let rest = bytes.get(track.length..).unwrap_or_default();
        let [high, low, flags, ..] = rest else { return Err(damaged()) };
        let lacing = match flags >> 1 & 3 {
            0 => Lacing::None,
            1 => Lacing::Xiph,
            2 => Lacing::FixedSize,
            _ => Lacing::Ebml,
        };
        Ok(BlockHeader {
            track: track.value.ok_or_else(damaged)?,
            time: i16::from_be_bytes([*high, *low]),
            keyframe: flags & 0x80 != 0,
            lacing,
            length: track.length + 3,
        })
    }

    /// How many of a block's first bytes are enough to find its frames.
    pub fn bytes_with_frame_sizes(block_size: u64) -> usize {
        // The sizes of at most 256 frames: each takes at most 8 bytes, or one
        // more for each 255 bytes of the frame.
        const SIZES: u64 = 4096;
        (SIZES + block_size / 255).min(block_size).min(1 << 24) as usize
    }

    /// Where the frames are. `bytes` is the block's start, `block_size` the size
    /// of all of it.
    ///
    /// # Errors
    /// When the frames are not within the block.
    pub fn frames(&self, bytes: &[u8], block_size: u64) -> Result<Vec<FrameRange>, MediaError> {
        let damaged = || MediaError::damaged("the frames of a block are not within it");
        let header = self.length as u64;
        let payload = block_size.checked_sub(header).ok_or_else(damaged)?;
        if self.lacing == Lacing::None {
            let size = u32::try_from(payload).map_err(|_| damaged())?;
            return Ok(vec![FrameRange { offset: header, size }]);
        }
        let table = bytes.get(self.length..).unwrap_or_default();
        let (count, table) = table.split_first().ok_or_else(damaged)?;
        let count = usize::from(*count) + 1;
        let FrameSizes { mut sizes, length } = match self.lacing {
            Lacing::Xiph => xiph_sizes(table, count - 1).ok_or_else(damaged)?,
            Lacing::Ebml => ebml_sizes(table, count - 1)?.ok_or_else(damaged)?,
            Lacing::None | Lacing::FixedSize => {
                let frames = payload.saturating_sub(1);
                let each = frames / count as u64;
                if each * count as u64 != frames {
                    return Err(damaged());
                }
                FrameSizes { sizes: vec![each; count - 1], length: 0 }
            }
        };
        let mut offset = header + 1 + length as u64;
        // The last frame takes what the others leave.
        let last = sizes.iter().try_fold(offset, |offset, size| offset.checked_add(*size));
        sizes.push(last.and_then(|last| block_size.checked_sub(last)).ok_or_else(damaged)?);
        let mut frames = Vec::with_capacity(count);
        for size in sizes {
            frames.push(FrameRange { offset, size: u32::try_from(size).map_err(|_| damaged())? });
            offset += size;
        }
        Ok(frames)
    }
}

/// The sizes of the frames but the last one.
struct FrameSizes {
    sizes: Vec<u64>,
    /// Bytes that store them.
    length: usize,
}

/// Sizes as sums of bytes, each sum ended by one that is not 255.
fn xiph_sizes(table: &[u8], count: usize) -> Option<FrameSizes> {
    let (mut sizes, mut length) = (Vec::with_capacity(count), 0);
    for _ in 0..count {
        let mut size = 0;
        loop {
            let byte = *table.get(length)?;
            length += 1;
            size += u64::from(byte);
            if byte != 255 {
                break;
            }
        }
        sizes.push(size);
    }
    Some(FrameSizes { sizes, length })
}

/// Sizes as a number and its changes.
fn ebml_sizes(table: &[u8], count: usize) -> Result<Option<FrameSizes>, MediaError> {
    let (mut sizes, mut length) = (Vec::with_capacity(count), 0);
    let mut last: Option<i64> = None;
    for _ in 0..count {
        let Some(vint) = parse_vint(table.get(length..).unwrap_or_default())? else {
            return Ok(None);
        };
        length += vint.length;
        // All bits set is no unknown size here, but the greatest value.
        let value = vint.value.unwrap_or((1_u64 << (7 * vint.length)) - 1) as i64;
        let size = match last {
            None => Some(value),
            Some(last) => last.checked_add(value - ((1_i64 << (7 * vint.length - 1)) - 1)),
        };
        let Some(size) = size.filter(|size| *size >= 0) else { return Ok(None) };
        last = Some(size);
        sizes.push(size as u64);
    }
    Ok(Some(FrameSizes { sizes, length }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn frames(bytes: &[u8]) -> Result<Vec<(u64, u32)>, MediaError> {
        let frames = BlockHeader::parse(bytes)?.frames(bytes, bytes.len() as u64)?;
        Ok(frames.iter().map(|frame| (frame.offset, frame.size)).collect())
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
}
