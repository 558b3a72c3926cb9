//! The syntax of boxes (ISO/IEC 14496-12, 4.2): headers, boxes within boxes, and
//! the fields of their contents.

use crate::MediaError;

/// The four letters of a box or a handler.
pub(crate) type FourCc = [u8; 4];

/// What a box begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BoxHeader {
    /// Its letters.
    pub name: FourCc,
    /// Bytes of the header: 8 or 16.
    pub length: u64,
    /// Bytes of the whole box, header included; not less than `length`.
    pub size: u64,
}

impl BoxHeader {
    /// Reads a header, of which `bytes` must hold 8 bytes, and 16 where there
    /// are that many. `room` is the number of bytes from the start of the box
    /// to the end of what holds it; a size of 0 stands for all of them.
    ///
    /// # Errors
    /// The box is damaged, or larger than its room.
    pub fn read(bytes: &[u8], room: u64) -> Result<BoxHeader, MediaError> {
        let mut fields = FieldReader::new(bytes);
        let short = fields.u32()?;
        let name = fields.four_cc()?;
        let (length, size) = match short {
            0 => (8, room),
            1 => (16, fields.u64()?),
            size => (8, u64::from(size)),
        };
        if size < length || size > room {
            return Err(MediaError::damaged(format!("the size of {} is wrong", printable(name))));
        }
        Ok(BoxHeader { name, length, size })
    }
}

/// The letters of a box for messages.
pub(crate) fn printable(name: FourCc) -> String {
    let letter = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' };
    name.iter().map(letter).collect()
}

/// A box within bytes in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChildBox<'a> {
    /// Its letters.
    pub name: FourCc,
    /// What follows its header.
    pub body: &'a [u8],
    /// All of it.
    pub whole: &'a [u8],
    /// Where its body starts in the bytes that it was found in.
    pub body_offset: usize,
}

/// The boxes in `bytes`, one after the other. Ends with the error of the first
/// one that is damaged. Fewer than 8 bytes at the end are passed over, and so is
/// everything from a size of 0 on, which QuickTime writes at the end of lists.
pub(crate) fn children(bytes: &[u8]) -> impl Iterator<Item = Result<ChildBox<'_>, MediaError>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.len() < 8 || rest[..4] == [0; 4] {
            return None;
        }
        let offset = bytes.len() - rest.len();
        let found = BoxHeader::read(rest, rest.len() as u64).map(|header| {
            // Both are at most `rest.len()`: `BoxHeader::read` checks that.
            let (whole, after) = rest.split_at(header.size as usize);
            rest = after;
            let length = header.length as usize;
            let body_offset = offset + length;
            ChildBox { name: header.name, body: &whole[length..], whole, body_offset }
        });
        if found.is_err() {
            rest = &[];
        }
        Some(found)
    })
}

/// The first box of a name in `bytes`.
///
/// # Errors
/// A box before it is damaged.
pub(crate) fn child<'a>(
    bytes: &'a [u8],
    name: &FourCc,
) -> Result<Option<ChildBox<'a>>, MediaError> {
    children(bytes).find(|child| !matches!(child, Ok(child) if child.name != *name)).transpose()
}

/// Reads fields one after the other, most significant byte first. The only
/// error of its methods is that the bytes end before the field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldReader<'a>(&'a [u8]);

impl<'a> FieldReader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> FieldReader<'a> {
        FieldReader(bytes)
    }

    /// The bytes that were not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// `count` bytes as they are.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], MediaError> {
        let (read, rest) = self
            .0
            .split_at_checked(count)
            .ok_or_else(|| MediaError::damaged("a box ends too early"))?;
        self.0 = rest;
        Ok(read)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MediaError> {
        let (read, rest) = self
            .0
            .split_first_chunk()
            .ok_or_else(|| MediaError::damaged("a box ends too early"))?;
        self.0 = rest;
        Ok(*read)
    }

    /// Four letters.
    pub fn four_cc(&mut self) -> Result<FourCc, MediaError> {
        self.array()
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, MediaError> {
        self.array().map(|[byte]| byte)
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Result<u16, MediaError> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32, MediaError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Four bytes with a sign.
    pub fn i32(&mut self) -> Result<i32, MediaError> {
        self.array().map(i32::from_be_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64, MediaError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Version and flags, with which a `FullBox` begins.
    pub fn version_and_flags(&mut self) -> Result<(u8, u32), MediaError> {
        let both = self.u32()?;
        Ok(((both >> 24) as u8, both & 0xff_ffff))
    }

    /// Four bytes in version 0 of a `FullBox`, eight in any other.
    pub fn by_version(&mut self, version: u8) -> Result<u64, MediaError> {
        if version == 0 { self.u32().map(u64::from) } else { self.u64() }
    }
}
