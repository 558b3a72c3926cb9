//! Downloading one whole file, taking up a broken transfer where it broke.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use clipmill_core::net::{Client, Response};
use clipmill_core::{Backoff, ByteRange, Code, Error, Retry};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::time::Instant;
use url::Url;

use crate::FetchProgress;

/// Attempts in a row that bring nothing.
const ATTEMPTS: u32 = 5;

/// The waits between them.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(4));

/// Progress is reported this often.
const REPORT: Duration = Duration::from_millis(200);

/// A download on its way.
pub(crate) struct Download<'a> {
    pub(crate) client: &'a Client,
    pub(crate) url: &'a Url,
    /// Request headers that the server wants.
    pub(crate) headers: &'a BTreeMap<String, String>,
    pub(crate) max_bytes: u64,
    pub(crate) progress: &'a (dyn Fn(FetchProgress) + Send + Sync),
}

/// Where it stands.
struct State {
    file: File,
    /// Bytes in the file.
    written: u64,
    /// The most that it ever was, for progress that never goes backwards.
    most: u64,
    /// What tells the server's file from a later one of the same address.
    tag: Option<Tag>,
    began: Instant,
    reported: Option<Instant>,
}

#[derive(PartialEq, Clone)]
struct Tag {
    size: Option<u64>,
    etag: Option<Vec<u8>>,
}

impl Download<'_> {
    /// Writes the file to `path`, which must not exist.
    ///
    /// # Errors
    /// What the client says, `too_large`, or `source_failed` when it can't be written.
    pub(crate) async fn run(&self, path: &Path) -> Result<(), Error> {
        let file = OpenOptions::new().write(true).create_new(true).open(path).await;
        let file = file.map_err(|error| disk(&error))?;
        let mut state =
            State { file, written: 0, most: 0, tag: None, began: Instant::now(), reported: None };
        let mut failed = 0;
        loop {
            let before = state.written;
            let Err(error) = self.attempt(&mut state).await else { break };
            failed = if state.written > before { 0 } else { failed + 1 };
            if error.retry != Retry::Later || failed >= ATTEMPTS {
                return Err(error);
            }
            tokio::time::sleep(BACKOFF.pause(failed.saturating_sub(1))).await;
        }
        state.file.flush().await.map_err(|error| disk(&error))?;
        (self.progress)(FetchProgress {
            bytes: state.written,
            total_bytes: Some(state.written),
            fraction: Some(1.0),
            ..FetchProgress::default()
        });
        Ok(())
    }

    /// Goes on where the file ends. Ok when the server's file has come whole.
    async fn attempt(&self, state: &mut State) -> Result<(), Error> {
        let range = (state.written > 0).then(|| ByteRange::starting_at(state.written));
        let mut response = self.client.get(self.url, self.headers, range).await?.ok()?;
        let first = response.content_range().map(|part| part.range.offset);
        let tag = tag_of(&response);
        let continues = response.status() == 206
            && first == Some(state.written)
            && state.tag.as_ref().is_none_or(|known| *known == tag);
        if state.written > 0 && !continues {
            // Another file by now, or a server without ranges.
            state.file.set_len(0).await.map_err(|error| disk(&error))?;
            state.file.rewind().await.map_err(|error| disk(&error))?;
            state.written = 0;
            if response.status() == 206 {
                state.tag = None;
                return Err(Error::later(Code::SourceFailed, "the file changed meanwhile"));
            }
        }
        let total = tag.size;
        state.tag = Some(tag);
        if total.is_some_and(|total| total > self.max_bytes) {
            return Err(self.too_large());
        }
        while let Some(chunk) = response.chunk().await? {
            if state.written + chunk.len() as u64 > self.max_bytes {
                return Err(self.too_large());
            }
            state.file.write_all(&chunk).await.map_err(|error| disk(&error))?;
            state.written += chunk.len() as u64;
            state.most = state.most.max(state.written);
            self.report_progress(state, total);
        }
        match total {
            Some(total) if state.written < total => {
                Err(Error::later(Code::SourceUnreachable, "the transfer broke off"))
            }
            _ => Ok(()),
        }
    }

    fn report_progress(&self, state: &mut State, total: Option<u64>) {
        if state.reported.is_some_and(|reported| reported.elapsed() < REPORT) {
            return;
        }
        state.reported = Some(Instant::now());
        let seconds = state.began.elapsed().as_secs_f64();
        let speed = (seconds > 0.1).then(|| state.written as f64 / seconds);
        let left = total.map(|total| total.saturating_sub(state.most) as f64);
        (self.progress)(FetchProgress {
            bytes: state.most,
            total_bytes: total,
            fraction: total.map(|total| (state.most as f64 / total.max(1) as f64).min(1.0)),
            bytes_per_second: speed,
            eta: left
                .zip(speed.filter(|speed| *speed > 0.0))
                .and_then(|(left, speed)| Duration::try_from_secs_f64(left / speed).ok()),
        });
    }

    fn too_large(&self) -> Error {
        let message = format!("the file is larger than {} bytes", self.max_bytes);
        Error::never(Code::TooLarge, message)
    }
}

fn tag_of(response: &Response) -> Tag {
    let etag = response.headers().get("etag").map(|etag| etag.as_bytes().to_vec());
    Tag { size: response.total_size(), etag }
}

fn disk(error: &std::io::Error) -> Error {
    tracing::warn!(%error, "a download can't be written");
    Error::later(Code::SourceFailed, "the download can't be written to disk")
}
