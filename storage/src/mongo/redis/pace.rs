//! How long everything with Redis may take.

use std::time::Duration;

/// How long things take. Tests have less time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// What a request may lose by waiting for an answer.
    pub patience: Duration,
    /// Between attempts to reach a Redis that is away.
    pub pause: Duration,
    /// How long such an attempt may take; no request waits for it.
    pub attempt: Duration,
    /// How long a start waits for Redis.
    pub start: Duration,
    /// After so long without a message the channel is tested.
    pub heartbeat: Duration,
}

pub(super) const PACE: Pace = Pace {
    patience: Duration::from_millis(300),
    pause: Duration::from_secs(1),
    attempt: Duration::from_secs(2),
    start: Duration::from_secs(5),
    heartbeat: Duration::from_secs(15),
};
