//! The boxes that an MP4 is made of, and the fields within them. What a box
//! means is no matter here.

use crate::Error;

/// A box's four letters.
pub type Name = [u8; 4];

/// What a box begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its letters.
    pub name: Name,
    /// Bytes of the header: 8 or 16.
    pub head: u64,
    /// Bytes of the whole box, header included; not less than `head`.
    pub size: u64,
}

impl Header {
    /// Reads a header, of which `bytes` must hold 8 bytes, and 16 where there
    /// are so many. `room` is how many bytes there are from the box's beginning
    /// to the end of what holds it; a size of 0 stands for all of them.
    ///
    /// # Errors
    /// The box is damaged, or greater than its room.
    pub fn read(bytes: &[u8], room: u64) -> Result<Header, Error> {
        let mut fields = Fields::new(bytes);
        let short = fields.u32()?;
        let name = fields.name()?;
        let (head, size) = match short {
            0 => (8, room),
            1 => (16, fields.u64()?),
            size => (8, u64::from(size)),
        };
        if size < head || size > room {
            return Err(Error::damaged(format!("the size of {} is wrong", letters(name))));
        }
        Ok(Header { name, head, size })
    }
}

/// A box's letters for people.
pub fn letters(name: Name) -> String {
    name.iter()
        .map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' })
        .collect::<String>()
}

/// A box in memory.
#[derive(Debug, Clone, Copy)]
pub struct Child<'a> {
    /// Its letters.
    pub name: Name,
    /// What follows its header.
    pub body: &'a [u8],
    /// All of it.
    pub whole: &'a [u8],
}

/// The boxes in `bytes`, one after the other. Ends at the first one that is
/// damaged, with its error; fewer than 8 bytes at the end are passed over, and
/// so is everything from a size of 0, which QuickTime puts at the end of lists.
pub fn children(bytes: &[u8]) -> impl Iterator<Item = Result<Child<'_>, Error>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.len() < 8 || rest[..4] == [0; 4] {
            return None;
        }
        let found = Header::read(rest, rest.len() as u64).map(|header| {
            // Both are at most `rest.len()`, as `Header::read` has seen to.
            let (whole, after) = rest.split_at(header.size as usize);
            rest = after;
            Child { name: header.name, body: &whole[header.head as usize..], whole }
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
pub fn child<'a>(bytes: &'a [u8], name: &Name) -> Result<Option<Child<'a>>, Error> {
    children(bytes).find(|child| !matches!(child, Ok(child) if child.name != *name)).transpose()
}

/// Fields one after the other, most significant byte first.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Begins at the first byte.
    pub fn new(bytes: &'a [u8]) -> Fields<'a> {
        Fields(bytes)
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// So many bytes.
    ///
    /// # Errors
    /// There are fewer; this is the only error of the others, too.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) =
            self.0.split_at_checked(count).ok_or_else(|| Error::damaged("a box ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) =
            self.0.split_first_chunk().ok_or_else(|| Error::damaged("a box ends too early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    /// Four letters. Errors as [`Fields::take`].
    pub fn name(&mut self) -> Result<Name, Error> {
        self.array()
    }

    /// One byte. Errors as [`Fields::take`].
    pub fn u8(&mut self) -> Result<u8, Error> {
        self.array().map(|[byte]| byte)
    }

    /// Two bytes. Errors as [`Fields::take`].
    pub fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes. Errors as [`Fields::take`].
    pub fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    /// Four bytes with a sign. Errors as [`Fields::take`].
    pub fn i32(&mut self) -> Result<i32, Error> {
        self.array().map(i32::from_be_bytes)
    }

    /// Eight bytes. Errors as [`Fields::take`].
    pub fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_be_bytes)
    }

    /// Version and flags, with which many boxes begin. Errors as
    /// [`Fields::take`].
    pub fn version(&mut self) -> Result<(u8, u32), Error> {
        let both = self.u32()?;
        Ok(((both >> 24) as u8, both & 0xff_ffff))
    }

    /// Four bytes in version 0, eight in any other. Errors as
    /// [`Fields::take`].
    pub fn wide(&mut self, version: u8) -> Result<u64, Error> {
        if version == 0 { self.u32().map(u64::from) } else { self.u64() }
    }
}
