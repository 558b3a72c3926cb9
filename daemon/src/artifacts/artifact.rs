//! The words of this room: a file that is open for reading, a file as it is
//! listed, and what a client gets to know of a file.

use std::fmt::Debug;
use std::io;
use std::ops::Range;

use bytes::Bytes;
use clipmill_core::Time;
use futures_util::stream::BoxStream;

/// A file in a store, open for reading. In a folder it can be read to its end
/// even when it is deleted meanwhile; in a bucket as far as the service still
/// has it.
#[derive(Debug)]
pub struct Artifact {
    /// Bytes.
    pub size: u64,
    /// Changes whenever the content does.
    pub etag: String,
    pub(super) content: Box<dyn ReadRange>,
}

impl Artifact {
    /// A part of the file, in bounded pieces. What lies beyond the end of the
    /// file is left out; a file that was cut short is an error.
    pub fn read(self, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
        self.content.read(range.start..range.end.min(self.size))
    }
}

/// Where the bytes of an open file come from: each kind of store has its own.
pub(super) trait ReadRange: Debug + Send {
    /// The bytes of a range that is within the file.
    fn read(self: Box<Self>, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>>;
}

/// A file of the store, as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its key.
    pub key: String,
    /// When it was last written, by the clock of the store.
    pub changed: Time,
}

/// The headers that a client gets when it follows a signed address.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// `Content-Disposition`.
    pub disposition: &'a str,
    /// `Content-Type`.
    pub media_type: &'a str,
}
