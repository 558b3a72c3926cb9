//! A small store that outlives calls.
//!
//! It is the plugin's own, is lost at a restart, and forgets what was not used
//! for long when it is full (1 MiB). Values have up to 64 KiB, keys 256 bytes;
//! what is larger is not remembered.

use crate::bindings::clipmill::plugin::cache;

/// The value that was set under this key, unless it ran out or was forgotten.
pub fn get(key: &str) -> Option<Vec<u8>> {
    cache::get(key)
}

/// The same as text; none when it isn't UTF-8.
pub fn get_text(key: &str) -> Option<String> {
    String::from_utf8(cache::get(key)?).ok()
}

/// Remembers a value for so many seconds, a day at most.
pub fn set(key: &str, value: impl AsRef<[u8]>, seconds: u32) {
    cache::set(key, value.as_ref(), seconds);
}
