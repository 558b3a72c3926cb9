//! Lines in the daemon's log, under the plugin's name.
//!
//! [`log!`](crate::log!) formats and writes one line. What is longer than 4 KiB
//! or beyond 100 lines in one call is left out.

pub use crate::bindings::clipmill::plugin::log::Level;

/// Writes one line.
pub fn write(level: Level, message: &str) {
    crate::bindings::clipmill::plugin::log::write(level, message);
}

/// Writes one line to the daemon's log: `log!(warn, "no files in {id}")`. The
/// levels are `debug`, `info` and `warn`; without one it is `debug`.
#[macro_export]
macro_rules! log {
    (debug, $($text:tt)+) => { $crate::log::write($crate::log::Level::Debug, &format!($($text)+)) };
    (info, $($text:tt)+) => { $crate::log::write($crate::log::Level::Info, &format!($($text)+)) };
    (warn, $($text:tt)+) => { $crate::log::write($crate::log::Level::Warn, &format!($($text)+)) };
    ($($text:tt)+) => { $crate::log!(debug, $($text)+) };
}
