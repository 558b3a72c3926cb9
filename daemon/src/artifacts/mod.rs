//! Where finished files and uploads are: in folders, of this machine or shared
//! by a cluster, or in a bucket of an S3-compatible service.
//!
//! Owns keys, durability, and the deadlines and retries of every request. It
//! does not know records: the caller says which file belongs to which record
//! and how long it stays.

mod artifact;
mod bucket;
mod check;
mod error;
mod folder;
mod media_type;
mod names;
mod store;
mod stores;

pub use artifact::{Artifact, Shown, Stored};
pub use error::ArtifactError;
pub use media_type::extension_and_media_type;
pub use store::Artifacts;
pub use stores::Stores;
