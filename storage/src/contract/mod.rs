//! What a backend must do. Each *Behaviour* rule is a conformance case of the
//! same name.

mod accounts;
mod cluster;
mod ephemeral;
mod health;
mod queue;
mod transfer;
mod videos;

pub use accounts::{Sessions, Users};
pub use cluster::Cluster;
pub use ephemeral::Ephemeral;
pub use health::Health;
pub use queue::{Leases, Queue};
pub use transfer::Transfer;
pub use videos::Videos;

/// Everything that the daemon asks of a backend.
pub trait Storage:
    Users
    + Sessions
    + Videos
    + Queue
    + Leases
    + Ephemeral
    + Cluster
    + Transfer
    + Health
    + Send
    + Sync
    + 'static
{
}

impl<T> Storage for T where
    T: Users
        + Sessions
        + Videos
        + Queue
        + Leases
        + Ephemeral
        + Cluster
        + Transfer
        + Health
        + Send
        + Sync
        + 'static
{
}
