//! What all transfers of one fetch share.

use std::time::Duration;

use clipmill_core::net::Client;

use super::budget::DownloadBudget;
use super::connection_limit::ConnectionLimit;
use crate::settings::FetchSettings;

/// The client, and how much of everything the transfers of one fetch may use.
#[derive(Debug)]
pub struct TransferContext {
    /// Makes the requests.
    pub client: Client,
    /// Counts and bounds the bytes.
    pub budget: DownloadBudget,
    /// Bounds the connections.
    pub connections: ConnectionLimit,
    /// How long a connection may be silent before its bytes are requested over
    /// another one as well.
    pub stall: Duration,
}

impl TransferContext {
    /// A context of one fetch that may download at most `max_bytes`.
    pub fn new(client: Client, settings: &FetchSettings, max_bytes: u64) -> TransferContext {
        TransferContext {
            client,
            budget: DownloadBudget::new(max_bytes),
            connections: ConnectionLimit::new(settings.connections),
            stall: settings.stall(),
        }
    }

    /// How long an answer that nothing races may be silent.
    pub fn unraced_stall(&self) -> Duration {
        self.stall * 4
    }
}
