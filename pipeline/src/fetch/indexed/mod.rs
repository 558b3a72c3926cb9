//! Files whose own index tells which bytes a span needs.

mod early_start;
mod files;
mod plan;

pub use early_start::{EarlyStart, PartialFile};
pub use files::{IndexedFile, fetch_indexed};
