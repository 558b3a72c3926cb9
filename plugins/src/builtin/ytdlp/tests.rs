//! Command lines, documents and the cache, without the network.
#![allow(clippy::unwrap_used, clippy::expect_used)]
