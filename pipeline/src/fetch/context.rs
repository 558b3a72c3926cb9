//! What one fetch works with: the client, and how much of everything it may use.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clipmill_core::net::Client;

use crate::context::PipelineContext;
use crate::fetch::transfer::budget::Budget;
use crate::fetch::transfer::connection_limit::Lanes;

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
    pub fn new(context: &PipelineContext) -> Means {
        let limit = context.settings.max_download_bytes;
        Means {
            client: context.client.clone(),
            budget: Budget::new(limit),
            lanes: Lanes::new(context.settings.fetch.connections),
            stall: context.settings.fetch.stall(),
            guessed: AtomicBool::new(false),
        }
    }
}
