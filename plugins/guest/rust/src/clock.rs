//! The time.

use crate::bindings::clipmill::plugin::clock;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub fn now_ms() -> u64 {
    clock::now_ms()
}

/// Seconds since 1970-01-01T00:00:00Z.
pub fn now() -> u64 {
    clock::now_ms() / 1000
}
