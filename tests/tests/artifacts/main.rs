//! The artifact store: one set of rules over a folder and over a bucket of an S3 service, and
//! what only one of them has.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bucket;
mod checks;
mod folder;
mod place;
mod rules;
mod signed;
