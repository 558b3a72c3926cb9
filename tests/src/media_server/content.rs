//! What is served: a file, or bytes made for the request.

use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use http::HeaderMap;

/// A request as routes see it.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// `GET` or `HEAD`.
    pub method: String,
    /// The path, percent-encoding kept.
    pub path: String,
    /// What follows the `?`, if anything.
    pub query: Option<String>,
    /// All headers.
    pub headers: HeaderMap,
}

/// An answer before ranges and faults are applied to it.
#[derive(Debug, Clone)]
pub struct Content {
    pub(super) status: u16,
    pub(super) kind: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) source: Source,
}

/// Where the bytes are.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Memory(Bytes),
    File(PathBuf),
}

impl Content {
    /// These bytes with this MIME type, status 200.
    pub fn bytes(kind: &str, bytes: impl Into<Bytes>) -> Content {
        Content {
            status: 200,
            kind: kind.to_owned(),
            headers: Vec::new(),
            source: Source::Memory(bytes.into()),
        }
    }

    /// A JSON document, status 200.
    pub fn json(value: &serde_json::Value) -> Content {
        Content::bytes("application/json", value.to_string())
    }

    /// A file with the MIME type of its name, status 200; 404 when it isn't there.
    pub fn file(path: impl AsRef<Path>) -> Content {
        let path = path.as_ref();
        Content {
            status: 200,
            kind: kind_of(path).to_owned(),
            headers: Vec::new(),
            source: Source::File(path.to_owned()),
        }
    }

    /// The same with another status.
    pub fn status(mut self, status: u16) -> Content {
        self.status = status;
        self
    }

    /// The same with one more header.
    pub fn header(mut self, name: &str, value: &str) -> Content {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// The file at `rest` below `folder`; nothing for a path that climbs out of it.
pub(super) fn file_below(folder: &Path, rest: &str) -> Option<Content> {
    let relative = Path::new(rest.trim_start_matches('/'));
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    let path = folder.join(relative);
    (plain && path.is_file()).then(|| Content::file(path))
}

fn kind_of(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("mp4" | "m4v") => "video/mp4",
        Some("m4a") => "audio/mp4",
        Some("m4s") => "video/iso.segment",
        Some("webm") => "video/webm",
        Some("mkv") => "video/x-matroska",
        Some("mov") => "video/quicktime",
        Some("ts") => "video/mp2t",
        Some("m3u8") => "application/vnd.apple.mpegurl",
        Some("mpd") => "application/dash+xml",
        Some("json") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
