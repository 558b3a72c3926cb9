//! What can go wrong with an answer. Plain data: the code that acts on it is in `respond` and `body`.

use std::path::PathBuf;
use std::time::Duration;

/// As a number of times: never stops.
pub const ALWAYS: u32 = u32::MAX;

/// How the server answers some paths. The default is a good server: fast, with ranges and an ETag.
///
/// ```
/// use std::time::Duration;
/// use clipmill_tests::Behaviour;
///
/// let slow = Behaviour::new().throttle(64 * 1024).latency(Duration::from_millis(40));
/// let moody = Behaviour::new().fail(503, 2).drop_after(1_000, 1);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Behaviour {
    pub(super) throttle: Option<u64>,
    pub(super) throttle_long: Option<(u64, u64)>,
    pub(super) latency: Duration,
    pub(super) stall: Option<Fault>,
    pub(super) drop: Option<Fault>,
    pub(super) without_ranges: bool,
    pub(super) length_error: i64,
    pub(super) fail: Option<Refusal>,
    pub(super) redirect: Option<String>,
    pub(super) etag: Option<String>,
    pub(super) change: Option<(u64, PathBuf)>,
    pub(super) at_most: Option<usize>,
}

/// Something that happens to a body after some bytes, so many times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) after_bytes: u64,
    pub(super) times: u32,
}

/// A status instead of the content, so many times.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) times: u32,
    pub(super) retry_after: Option<u32>,
}

impl Behaviour {
    /// A server without faults.
    pub fn new() -> Behaviour {
        Behaviour::default()
    }

    /// At most this many bytes a second on each connection.
    pub fn throttle(mut self, bytes_per_second: u64) -> Behaviour {
        self.throttle = Some(bytes_per_second.max(1));
        self
    }

    /// Slows down answers longer than `bytes` only, as some delivery networks punish clients that
    /// ask for everything at once.
    pub fn throttle_answers_over(mut self, bytes: u64, bytes_per_second: u64) -> Behaviour {
        self.throttle_long = Some((bytes, bytes_per_second.max(1)));
        self
    }

    /// Waits before each answer.
    pub fn latency(mut self, wait: Duration) -> Behaviour {
        self.latency = wait;
        self
    }

    /// After `bytes` of a body, sends nothing more but keeps the connection open; on the first
    /// `times` answers that are longer than that.
    pub fn stall_after(mut self, bytes: u64, times: u32) -> Behaviour {
        self.stall = Some(Fault { after_bytes: bytes, times });
        self
    }

    /// After `bytes` of a body, closes the connection; on the first `times` answers that are longer
    /// than that.
    pub fn drop_after(mut self, bytes: u64, times: u32) -> Behaviour {
        self.drop = Some(Fault { after_bytes: bytes, times });
        self
    }

    /// Ignores `Range`: 200 with everything, where a good server says 206.
    pub fn without_ranges(mut self) -> Behaviour {
        self.without_ranges = true;
        self
    }

    /// Announces a `Content-Length` that is wrong by `bytes`: more than there is when positive, less
    /// when negative.
    pub fn wrong_length(mut self, bytes: i64) -> Behaviour {
        self.length_error = bytes;
        self
    }

    /// Answers the first `times` requests with `status` and no content.
    pub fn fail(mut self, status: u16, times: u32) -> Behaviour {
        self.fail = Some(Refusal { status, times, retry_after: None });
        self
    }

    /// Answers the first `times` requests with 429 and `Retry-After: seconds`.
    pub fn too_many(mut self, times: u32, seconds: u32) -> Behaviour {
        self.fail = Some(Refusal { status: 429, times, retry_after: Some(seconds) });
        self
    }

    /// Answers the first `times` requests with 503 and `Retry-After: seconds`.
    pub fn no_time(mut self, times: u32, seconds: u32) -> Behaviour {
        self.fail = Some(Refusal { status: 503, times, retry_after: Some(seconds) });
        self
    }

    /// Answers 503 while this many bodies of the same path are under way.
    pub fn at_most(mut self, bodies: usize) -> Behaviour {
        self.at_most = Some(bodies);
        self
    }

    /// Answers 302 to `url`, wherever that is.
    pub fn redirect(mut self, url: impl Into<String>) -> Behaviour {
        self.redirect = Some(url.into());
        self
    }

    /// Sends this ETag (without quotes) instead of one made from the content.
    pub fn etag(mut self, tag: impl Into<String>) -> Behaviour {
        self.etag = Some(tag.into());
        self
    }

    /// After `requests` requests the content is that of `file`, with another ETag.
    pub fn change_after(mut self, requests: u64, file: impl Into<PathBuf>) -> Behaviour {
        self.change = Some((requests, file.into()));
        self
    }
}
