//! The time, passed in wherever it decides something.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;

/// A point in time, UTC. Backends keep milliseconds; finer parts are cut off.
pub type Time = chrono::DateTime<chrono::Utc>;

/// A source of the time. Tests bring their own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Time + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Clock {
        Clock(Arc::new(chrono::Utc::now))
    }

    /// The machine's clock, moved by an offset that may change.
    pub fn with_offset(offset: ClockOffset) -> Clock {
        Clock::from_fn(move || chrono::Utc::now() + offset.get())
    }

    /// A clock that returns what `now` returns.
    pub fn from_fn(now: impl Fn() -> Time + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// The time now.
    pub fn now(&self) -> Time {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Clock")
    }
}

/// How far another clock is ahead of this machine's, in whole milliseconds;
/// negative where it is behind. Clones share one offset.
#[derive(Debug, Clone, Default)]
pub struct ClockOffset(Arc<AtomicI64>);

impl ClockOffset {
    /// The offset now.
    pub fn get(&self) -> TimeDelta {
        TimeDelta::milliseconds(self.0.load(Ordering::Relaxed))
    }

    /// Sets the offset, cut to whole milliseconds, and returns the one before.
    pub fn set(&self, offset: TimeDelta) -> TimeDelta {
        TimeDelta::milliseconds(self.0.swap(offset.num_milliseconds(), Ordering::Relaxed))
    }
}
