//! The bytes of an answer on their way out: paced, counted, stopped where a fault says so.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::Frame;
use tokio::time::Instant;

use super::content::Source;
use super::state::{End, LAST_BYTES, State};

pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

const CHUNK: u64 = 64 * 1024;

/// A body without bytes.
pub(super) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// What a body is to do.
pub(super) struct Plan {
    pub(super) source: Source,
    pub(super) first: u64,
    pub(super) length: u64,
    pub(super) bytes_per_second: Option<u64>,
    pub(super) fault: Option<(u64, End)>,
    pub(super) path: String,
}

pub(super) fn paced(state: Arc<State>, plan: Plan) -> io::Result<Body> {
    let reader = Reader::open(&plan.source, plan.first)?;
    state.ledger().began(&plan.path);
    let flow = Flow { state, plan, reader, sent: 0, began: Instant::now() };
    Ok(StreamBody::new(stream(flow)).boxed_unsync())
}

/// A body under way; its end is counted however it comes.
struct Flow {
    state: Arc<State>,
    plan: Plan,
    reader: Reader,
    sent: u64,
    began: Instant,
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.state.ledger().ended(&self.plan.path);
    }
}

fn stream(flow: Flow) -> impl Stream<Item = io::Result<Frame<Bytes>>> {
    try_unfold(flow, |mut flow| async move {
        let Some(chunk) = flow.next().await? else { return Ok(None) };
        Ok(Some((Frame::data(chunk), flow)))
    })
}

impl Flow {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut size = CHUNK.min(self.plan.length - self.sent);
        if let Some((after, end)) = self.plan.fault {
            size = size.min(after - self.sent);
            if size == 0 {
                return self.end_early(end).await;
            }
        }
        if size == 0 {
            return Ok(None);
        }
        if let Some(rate) = self.plan.bytes_per_second {
            // Twenty chunks a second, so that slow looks slow and not like bursts.
            size = size.min((rate / 20).max(1));
            let due = Duration::from_secs_f64((self.sent + size) as f64 / rate as f64);
            tokio::time::sleep_until(self.began + due).await;
        }
        let chunk = self.reader.read(size)?;
        self.sent += chunk.len() as u64;
        self.state.ledger().sent(&self.plan.path, chunk.len());
        Ok(Some(chunk))
    }

    async fn end_early(&self, end: End) -> io::Result<Option<Bytes>> {
        if end == End::Stall {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(LAST_BYTES).await;
        Err(io::Error::other("the test asked for a broken connection"))
    }
}

enum Reader {
    Memory(Bytes),
    File(File),
}

impl Reader {
    fn open(source: &Source, first: u64) -> io::Result<Reader> {
        match source {
            Source::Memory(bytes) => {
                let first = usize::try_from(first).map_err(io::Error::other)?;
                Ok(Reader::Memory(bytes.slice(first.min(bytes.len())..)))
            }
            Source::File(path) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(first))?;
                Ok(Reader::File(file))
            }
        }
    }

    /// Exactly `size` bytes, at most [`CHUNK`].
    fn read(&mut self, size: u64) -> io::Result<Bytes> {
        let size = usize::try_from(size).map_err(io::Error::other)?;
        match self {
            Reader::Memory(bytes) => Ok(bytes.split_to(size.min(bytes.len()))),
            Reader::File(file) => {
                let mut buffer = vec![0; size];
                file.read_exact(&mut buffer)?;
                Ok(buffer.into())
            }
        }
    }
}
