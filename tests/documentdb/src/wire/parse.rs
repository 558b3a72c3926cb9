//! Takes the bytes of a message apart. Every length in it is checked against what is there.

use std::io;

use bson::{Bson, Document, RawBsonRef, RawDocument};

use super::{Envelope, OP_MSG, OP_QUERY, malformed};

/// Documents within documents.
const MAX_DEPTH: usize = 100;

const CHECKSUM_PRESENT: u32 = 1;
const MORE_TO_COME: u32 = 2;
/// Flags in the lower half must be understood; those above may be ignored.
const FLAGS_TO_UNDERSTAND: u32 = 0xffff;

/// Takes a message apart, without the length in front of it.
pub(super) fn message(message: &[u8]) -> io::Result<(Envelope, Document)> {
    let mut rest = Bytes(message);
    let (id, _, code) = (rest.number()?, rest.number()?, rest.number()?);
    match code {
        OP_MSG => parse_msg(id, rest),
        OP_QUERY => parse_query(id, rest),
        _ => Err(malformed("operation code")),
    }
}

fn parse_msg(id: i32, mut rest: Bytes) -> io::Result<(Envelope, Document)> {
    let flags = rest.number()?.cast_unsigned();
    if flags & FLAGS_TO_UNDERSTAND & !(CHECKSUM_PRESENT | MORE_TO_COME) != 0 {
        return Err(malformed("flags"));
    }
    if flags & CHECKSUM_PRESENT != 0 {
        rest = Bytes(rest.0.split_last_chunk::<4>().ok_or_else(|| malformed("checksum"))?.0);
    }
    let (mut body, mut sequences) = (None, Vec::new());
    while !rest.0.is_empty() {
        match rest.take(1)? {
            [0] if body.is_none() => body = Some(rest.document()?),
            [1] => sequences.push(rest.sequence()?),
            _ => return Err(malformed("section")),
        }
    }
    let mut body = body.ok_or_else(|| malformed("sections: no body"))?;
    for (name, documents) in sequences {
        if body.insert(name, documents).is_some() {
            return Err(malformed("sections: an argument is there twice"));
        }
    }
    Ok((Envelope { id, legacy: false, wants_reply: flags & MORE_TO_COME == 0 }, body))
}

fn parse_query(id: i32, mut rest: Bytes) -> io::Result<(Envelope, Document)> {
    rest.number()?; // flags
    let collection = rest.text()?;
    if !collection.ends_with(".$cmd") {
        return Err(malformed("OP_QUERY: only commands"));
    }
    rest.take(8)?; // how many to skip and to return
    Ok((Envelope { id, legacy: true, wants_reply: true }, rest.document()?))
}

/// What is left of a message.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(|| malformed("length"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> io::Result<i32> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or_else(|| malformed("length"))?;
        self.0 = rest;
        Ok(i32::from_le_bytes(*bytes))
    }

    /// Something that begins with its own length.
    fn sized(&mut self) -> io::Result<&'a [u8]> {
        let length = i32::from_le_bytes(*self.0.first_chunk().ok_or_else(|| malformed("length"))?);
        self.take(usize::try_from(length).map_err(|_| malformed("length"))?)
    }

    fn text(&mut self) -> io::Result<&'a str> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or_else(|| malformed("text"))?;
        let text = std::str::from_utf8(self.take(end)?).map_err(|_| malformed("text"))?;
        self.take(1)?;
        Ok(text)
    }

    fn document(&mut self) -> io::Result<Document> {
        let raw = RawDocument::from_bytes(self.sized()?).map_err(|_| malformed("document"))?;
        check_depth(raw, MAX_DEPTH)?;
        Document::try_from(raw).map_err(|_| malformed("document"))
    }

    fn sequence(&mut self) -> io::Result<(String, Vec<Bson>)> {
        let mut section = Bytes(self.sized()?);
        section.number()?;
        let name = section.text()?.to_owned();
        let mut documents = Vec::new();
        while !section.0.is_empty() {
            documents.push(Bson::Document(section.document()?));
        }
        Ok((name, documents))
    }
}

/// Decoding recurses, so nesting without a bound would overflow the stack.
fn check_depth(document: &RawDocument, levels: usize) -> io::Result<()> {
    let levels = levels.checked_sub(1).ok_or_else(|| malformed("document: too deep"))?;
    for element in document {
        let (_, value) = element.map_err(|_| malformed("document"))?;
        let inner = match value {
            RawBsonRef::Document(inner) => inner,
            RawBsonRef::Array(inner) => {
                RawDocument::from_bytes(inner.as_bytes()).map_err(|_| malformed("array"))?
            }
            RawBsonRef::JavaScriptCodeWithScope(_) => return Err(malformed("document: code")),
            _ => continue,
        };
        check_depth(inner, levels)?;
    }
    Ok(())
}
