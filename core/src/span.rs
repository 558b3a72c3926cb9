//! What is wanted of a source's time.

use serde::{Deserialize, Serialize};

use crate::clock::Time;

/// A half-open range `[start, end)` of a source's own time, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// First moment that is wanted; 0 or more.
    pub start: f64,
    /// First moment that is not; greater than `start`.
    pub end: f64,
}

/// A wall-clock moment of a live stream: the span begins `offset` seconds
/// before it and lasts `duration` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// When the request came in.
    pub at: Time,
    /// Seconds before `at`.
    pub offset: f64,
    /// Seconds.
    pub duration: f64,
}
