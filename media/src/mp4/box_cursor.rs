//! The boxes within `moov`, whose headers may lie far apart.

use super::boxes::{BoxHeader, FourCc};
use super::limits;
use super::source::Mp4Source;
use crate::MediaError;

/// Goes over boxes within boxes, in the file's order.
pub(crate) struct BoxCursor {
    /// The containers around the place at hand, the innermost one last.
    open: Vec<Container>,
    offset: u64,
}

struct Container {
    name: FourCc,
    end: u64,
}

/// A box within another one.
pub(crate) struct NestedBox {
    /// The box that holds it.
    pub parent: FourCc,
    /// Its letters.
    pub name: FourCc,
    /// Where its body is.
    pub offset: u64,
    /// Bytes of its body.
    pub size: u64,
}

impl NestedBox {
    /// The first byte after it.
    pub fn end(&self) -> u64 {
        self.offset + self.size
    }

    /// Whether it holds boxes that are read.
    pub fn is_container(&self) -> bool {
        matches!(
            (&self.parent, &self.name),
            (b"moov", b"trak" | b"mvex")
                | (b"trak", b"mdia" | b"edts")
                | (b"mdia", b"minf")
                | (b"minf", b"stbl")
        )
    }
}

impl BoxCursor {
    /// The boxes of a container whose body is at `start..end`.
    pub fn within(name: FourCc, start: u64, end: u64) -> BoxCursor {
        BoxCursor { open: vec![Container { name, end }], offset: start }
    }

    /// The next box after the last one, whose body is passed over unless the
    /// cursor entered it.
    pub async fn next(&mut self, source: &Mp4Source<'_>) -> Result<Option<NestedBox>, MediaError> {
        loop {
            let Some(&Container { name: parent, end }) = self.open.last() else { return Ok(None) };
            if end.saturating_sub(self.offset) < 8 {
                self.offset = end;
                self.open.pop();
                continue;
            }
            let room = end - self.offset;
            let window = limits::HEADER_READ.min(room);
            let bytes = source.read_at_least(self.offset, 16.min(room), window).await?;
            if bytes.starts_with(&[0; 4]) {
                // QuickTime ends lists of boxes with a zero.
                self.offset = end;
                continue;
            }
            let header = BoxHeader::read(&bytes, room)?;
            let offset = self.offset + header.length;
            self.offset += header.size;
            let size = header.size - header.length;
            return Ok(Some(NestedBox { parent, name: header.name, offset, size }));
        }
    }

    /// Goes on with the boxes in the one that came last.
    pub fn enter(&mut self, found: &NestedBox) -> Result<(), MediaError> {
        if self.open.len() >= limits::NESTING {
            return Err(MediaError::too_large("boxes are nested too deeply"));
        }
        self.open.push(Container { name: found.name, end: found.end() });
        self.offset = found.offset;
        Ok(())
    }
}
