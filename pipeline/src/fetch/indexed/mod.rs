//! Files whose own index states which bytes a span needs.
//!
//! [`files`] gets them in three steps: plan, download, assemble. [`plan`] reads the
//! index and writes the clip file, of which some bytes are generated and the others
//! still to be downloaded. [`early_start`] lets the next stages start with what has
//! arrived.

mod early_start;
mod files;
mod plan;

pub use early_start::{EarlyStart, PartialFile};
pub use files::{IndexedFile, fetch_indexed};
