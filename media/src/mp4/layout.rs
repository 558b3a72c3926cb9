//! What lies in a file at its top level, found with few requests.

use bytes::Bytes;

use super::boxes::Header;
use super::source::Source;
use crate::Error;

/// Bytes that are read first: a small `moov` in front is among them.
pub(crate) const HEAD: u64 = 256 << 10;
/// So many bytes at the end are read whole, when they are all that is left
/// after the samples: probably `moov`.
const TAIL: u64 = 1 << 20;
/// Bytes that are read to find a header, when it was not read before.
pub(crate) const WINDOW: u64 = 16 << 10;
/// Most boxes before `moov`.
const BOXES: usize = 4096;
/// Most bytes of `ftyp`.
const FTYP: u64 = 64 << 10;

/// A box at the top level.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Top {
    /// What it begins with.
    pub header: Header,
    /// Where it is in the file.
    pub at: u64,
}

impl Top {
    /// The box at a place, none at the end of the file.
    pub async fn read(source: &Source<'_>, at: u64, window: u64) -> Result<Option<Top>, Error> {
        let room = source.size().saturating_sub(at);
        // A few bytes after the last box are nothing.
        if room < 8 {
            return Ok(None);
        }
        let header = source.header(at, room, window).await?;
        Ok(Some(Top { header, at }))
    }

    /// The first byte after it.
    pub fn end(&self) -> u64 {
        self.at + self.header.size
    }
}

/// The beginning of a file.
pub(crate) struct Beginning {
    /// All of `ftyp`, empty when there is none.
    pub ftyp: Bytes,
    /// Where `moov` is.
    pub moov: Top,
}

/// Finds `moov`, wherever it is.
pub(crate) async fn find(source: &Source<'_>) -> Result<Beginning, Error> {
    let mut ftyp = Bytes::new();
    let (mut at, mut window) = (0, HEAD);
    for _ in 0..BOXES {
        let Some(top) = Top::read(source, at, window).await? else { break };
        match &top.header.name {
            b"moov" => return Ok(Beginning { ftyp, moov: top }),
            b"ftyp" if top.header.size <= FTYP => ftyp = source.get(at, top.header.size).await?,
            _ => {}
        }
        at = top.end();
        let left = source.size().saturating_sub(at);
        window = if left <= TAIL { TAIL } else { WINDOW * 4 };
    }
    Err(Error::damaged("the file has no moov"))
}
