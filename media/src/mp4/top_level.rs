//! The boxes at the top level of a file, found with few requests.

use bytes::Bytes;

use super::boxes::BoxHeader;
use super::limits;
use super::source::Mp4Source;
use crate::MediaError;

/// A box at the top level.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TopLevelBox {
    /// What it begins with.
    pub header: BoxHeader,
    /// Its first byte in the file.
    pub offset: u64,
}

impl TopLevelBox {
    /// The box at `offset`; none at the end of the file. When its header was
    /// not read before, `window` bytes are.
    pub async fn read(
        source: &Mp4Source<'_>,
        offset: u64,
        window: u64,
    ) -> Result<Option<TopLevelBox>, MediaError> {
        let room = source.size().saturating_sub(offset);
        // A few bytes after the last box are nothing.
        if room < 8 {
            return Ok(None);
        }
        let header = source.read_header(offset, room, window).await?;
        Ok(Some(TopLevelBox { header, offset }))
    }

    /// The first byte after it.
    pub fn end(&self) -> u64 {
        self.offset + self.header.size
    }
}

/// What the search for `moov` finds.
pub(crate) struct MoovPlace {
    /// All of `ftyp`, empty when there is none.
    pub ftyp: Bytes,
    /// Where `moov` is.
    pub moov: TopLevelBox,
}

/// Finds `moov`, wherever it is.
pub(crate) async fn find_moov(source: &Mp4Source<'_>) -> Result<MoovPlace, MediaError> {
    let mut ftyp = Bytes::new();
    let (mut offset, mut window) = (0, limits::FIRST_READ);
    for _ in 0..limits::BOXES_BEFORE_MOOV {
        let Some(found) = TopLevelBox::read(source, offset, window).await? else { break };
        match &found.header.name {
            b"moov" => return Ok(MoovPlace { ftyp, moov: found }),
            b"ftyp" if found.header.size <= limits::FTYP => {
                ftyp = source.read(offset, found.header.size).await?;
            }
            _ => {}
        }
        offset = found.end();
        let left = source.size().saturating_sub(offset);
        let is_last = left <= limits::LAST_READ;
        window = if is_last { limits::LAST_READ } else { limits::HEADER_READ * 4 };
    }
    Err(MediaError::damaged("the file has no moov"))
}
