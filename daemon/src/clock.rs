//! The time, passed in wherever it decides something.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;
use clipmill_storage::Time;

/// A source of the time. Tests bring their own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Time + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Clock {
        Clock(Arc::new(chrono::Utc::now))
    }

    /// The machine's clock, moved by what the cluster's is ahead of it.
    pub fn following(ahead: Arc<AtomicI64>) -> Clock {
        Clock::from_fn(move || {
            chrono::Utc::now() + TimeDelta::milliseconds(ahead.load(Ordering::Relaxed))
        })
    }

    /// A clock that answers what `now` answers.
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
