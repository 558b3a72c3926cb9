//! Uploaded files: received, encoded, fetched.

pub mod download;
mod filename;
mod form;
pub mod start;
pub mod status;
pub mod upload;
