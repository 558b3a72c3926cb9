//! Support for tests, also of other packages. No part of the product.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod proxy;

pub use proxy::Proxy;
