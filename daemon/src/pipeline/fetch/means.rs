//! What one fetch works with: the client, and how much of everything it may use.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clipmill_plugins::net::Client;

use super::budget::Budget;
use super::lanes::Lanes;
use crate::pipeline::street::Shop;

/// What all downloads of one fetch share.
#[derive(Debug)]
pub(super) struct Means {
    /// Makes the requests.
    pub client: Client,
    /// Counts and bounds the bytes.
    pub budget: Budget,
    /// Bounds the connections.
    pub lanes: Lanes,
    /// How long a connection may be silent before its bytes are asked for
    /// again over another one.
    pub stall: Duration,
    /// Whether the times of a running stream had to be guessed.
    pub guessed: AtomicBool,
}

impl Means {
    /// For one fetch, as the settings say.
    pub fn new(shop: &Shop) -> Means {
        let limit = shop.clips.max_download_mb.saturating_mul(1024 * 1024);
        Means {
            client: shop.client.clone(),
            budget: Budget::new(limit),
            lanes: Lanes::new(shop.fetching.connections),
            stall: shop.fetching.stall(),
            guessed: AtomicBool::new(false),
        }
    }
}
