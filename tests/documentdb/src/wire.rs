//! The messages of MongoDB's wire protocol, as bytes and as documents: `OP_MSG`, and the `OP_QUERY`
//! with which a driver opens a connection. Lengths are checked before anything trusts them; a
//! message that makes no sense ends its connection.

use std::io::{self, ErrorKind};

use bson::{Bson, Document, RawBsonRef, RawDocument};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

const OP_REPLY: i32 = 1;
const OP_QUERY: i32 = 2004;
const OP_MSG: i32 = 2013;

/// The largest message, in bytes, with its header.
pub const MAX_MESSAGE: usize = 48_000_000;
/// The largest document, in bytes.
pub const MAX_DOCUMENT: i32 = 16 * 1024 * 1024;
/// Documents within documents.
const MAX_DEPTH: usize = 100;
const HEADER: usize = 16;

const CHECKSUM_PRESENT: u32 = 1;
const MORE_TO_COME: u32 = 2;
/// Flags in the lower half must be understood; those above may be ignored.
const FLAGS_TO_UNDERSTAND: u32 = 0xffff;

/// One request of a client.
#[derive(Debug, PartialEq)]
pub struct Request {
    /// The number by which the client finds the reply.
    pub id: i32,
    /// The command with its arguments; document sequences are arrays in it.
    pub body: Document,
    /// Whether the client waits for an answer.
    pub wants_reply: bool,
    legacy: bool,
}

/// Reads the next request; `None` when the client has hung up between two of them.
///
/// # Errors
/// Also when the message is malformed; nothing can be read after that.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Request>> {
    let length = match stream.read_i32_le().await {
        Ok(length) => usize::try_from(length).unwrap_or(0),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    if !(HEADER..=MAX_MESSAGE).contains(&length) {
        return Err(malformed("length"));
    }
    let mut rest = Vec::new();
    let missing = length - size_of::<i32>();
    stream.take(missing as u64).read_to_end(&mut rest).await?;
    if rest.len() < missing {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    parse(&rest).map(Some)
}

/// Answers a request.
///
/// # Errors
/// When the client is gone, or `reply` can't be encoded.
pub async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    request: &Request,
    reply: &Document,
) -> io::Result<()> {
    let document = reply.to_vec().map_err(io::Error::other)?;
    let (code, before) = if request.legacy {
        // Flags, cursor, start and count.
        (OP_REPLY, [&[0; 16][..], &1_i32.to_le_bytes()].concat())
    } else {
        // Flags, and the kind of the only section.
        (OP_MSG, vec![0; 5])
    };
    let length = HEADER + before.len() + document.len();
    let length = i32::try_from(length).map_err(io::Error::other)?;
    let mut message = Vec::with_capacity(HEADER + before.len() + document.len());
    for number in [length, 0, request.id, code] {
        message.extend(number.to_le_bytes());
    }
    message.extend(before);
    message.extend(document);
    stream.write_all(&message).await
}

/// Takes a message apart, without the length in front of it.
fn parse(message: &[u8]) -> io::Result<Request> {
    let mut rest = Bytes(message);
    let (id, _, code) = (rest.number()?, rest.number()?, rest.number()?);
    match code {
        OP_MSG => parse_msg(id, rest),
        OP_QUERY => parse_query(id, rest),
        _ => Err(malformed("operation code")),
    }
}

fn parse_msg(id: i32, mut rest: Bytes) -> io::Result<Request> {
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
    Ok(Request { id, body, wants_reply: flags & MORE_TO_COME == 0, legacy: false })
}

fn parse_query(id: i32, mut rest: Bytes) -> io::Result<Request> {
    rest.number()?; // flags
    let collection = rest.text()?;
    if !collection.ends_with(".$cmd") {
        return Err(malformed("OP_QUERY: only commands"));
    }
    rest.take(8)?; // how many to skip and to return
    Ok(Request { id, body: rest.document()?, wants_reply: true, legacy: true })
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

fn malformed(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("malformed message: {what}"))
}
