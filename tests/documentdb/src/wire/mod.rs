//! The messages of MongoDB's wire protocol, as bytes and as documents: `OP_MSG`, and the `OP_QUERY`
//! with which a driver opens a connection. Lengths are checked before anything trusts them; a
//! message that makes no sense ends its connection.

mod parse;
#[cfg(test)]
mod tests;

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

use bson::Document;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

const OP_REPLY: i32 = 1;
const OP_QUERY: i32 = 2004;
const OP_MSG: i32 = 2013;

/// The largest message, in bytes, with its header.
pub const MAX_MESSAGE: usize = 48_000_000;
/// The largest document, in bytes.
pub const MAX_DOCUMENT: i32 = 16 * 1024 * 1024;
const HEADER: usize = 16;
/// For the rest of a message whose length has come.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a reply must repeat of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    id: i32,
    legacy: bool,
    /// Whether the client waits for an answer.
    pub wants_reply: bool,
}

/// Reads the next request: a command with its arguments, among them the document sequences as
/// arrays. `None` when the client has hung up between two of them.
///
/// # Errors
/// Also when the message is malformed, or its end doesn't come for 30 s; nothing can be read after
/// that.
pub async fn read(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<(Envelope, Document)>> {
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
    timeout(PATIENCE, stream.take(missing as u64).read_to_end(&mut rest)).await??;
    if rest.len() < missing {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    parse::message(&rest).map(Some)
}

/// Answers a request.
///
/// # Errors
/// When the client is gone, or `reply` can't be encoded.
pub async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    envelope: Envelope,
    reply: &Document,
) -> io::Result<()> {
    let document = reply.to_vec().map_err(io::Error::other)?;
    let (code, before) = if envelope.legacy {
        // Flags, cursor and start are zero; one document.
        (OP_REPLY, [[0; 16].as_slice(), &1_i32.to_le_bytes()].concat())
    } else {
        // No flags; one section of kind 0.
        (OP_MSG, vec![0; 5])
    };
    let length = HEADER + before.len() + document.len();
    let mut message = Vec::with_capacity(length);
    for number in [i32::try_from(length).map_err(io::Error::other)?, 0, envelope.id, code] {
        message.extend(number.to_le_bytes());
    }
    message.extend(before);
    message.extend(document);
    stream.write_all(&message).await
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("malformed message: {what}"))
}
