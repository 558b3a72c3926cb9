//! The boxes within `moov`, whose headers may lie far apart.

use super::boxes::{Header, Name};
use super::source::Source;
use crate::Error;

/// Most boxes that are looked at.
pub(crate) const BOXES: usize = 16_384;
/// Bytes that are read at a place where a header is, when the rest is not.
pub(crate) const WINDOW: u64 = 16 << 10;
/// Deepest nesting.
const DEPTH: usize = 16;

/// Boxes within boxes, in the file's order.
pub(crate) struct Boxes {
    /// The containers around the place that is looked at, and their ends.
    around: Vec<(Name, u64)>,
    at: u64,
}

/// A box within another one.
pub(crate) struct Found {
    pub inside: Name,
    pub name: Name,
    /// Where its content is, and how many bytes.
    pub from: u64,
    pub size: u64,
}

impl Found {
    /// The first byte after it.
    pub fn end(&self) -> u64 {
        self.from + self.size
    }

    /// Whether what is in it matters here.
    pub fn is_container(&self) -> bool {
        container(self.inside, self.name)
    }
}

impl Boxes {
    /// Those within what is at `from..to`.
    pub fn within(container: Name, from: u64, to: u64) -> Boxes {
        Boxes { around: vec![(container, to)], at: from }
    }

    /// The next box after the last one, whose content is passed over unless it
    /// is entered.
    pub async fn next(&mut self, source: &Source<'_>) -> Result<Option<Found>, Error> {
        loop {
            let Some(&(inside, end)) = self.around.last() else { return Ok(None) };
            if end.saturating_sub(self.at) < 8 {
                self.at = end;
                self.around.pop();
                continue;
            }
            let room = end - self.at;
            let head = source.peek(self.at, 16.min(room), WINDOW.min(room)).await?;
            if head.starts_with(&[0; 4]) {
                // QuickTime ends lists of boxes with a zero.
                self.at = end;
                continue;
            }
            let header = Header::read(&head, room)?;
            let (from, size) = (self.at + header.head, header.size - header.head);
            self.at += header.size;
            return Ok(Some(Found { inside, name: header.name, from, size }));
        }
    }

    /// Goes on with what is in the box that came last.
    pub fn enter(&mut self, found: &Found) -> Result<(), Error> {
        if self.around.len() >= DEPTH {
            return Err(Error::too_large("boxes are nested too deeply"));
        }
        self.around.push((found.name, found.from + found.size));
        self.at = found.from;
        Ok(())
    }
}

fn container(inside: Name, name: Name) -> bool {
    matches!(
        (&inside, &name),
        (b"moov", b"trak" | b"mvex")
            | (b"trak", b"mdia" | b"edts")
            | (b"mdia", b"minf")
            | (b"minf", b"stbl")
    )
}
