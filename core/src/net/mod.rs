//! The guarded HTTP client: the only way in which clipmill itself reaches
//! other machines on behalf of a client's address.
//!
//! Every connection, that of a redirect and of a retry too, goes to an address
//! that [`Guard`] permits, and the check is made on the very address that is
//! connected to. It knows nothing of media.

mod client;
mod error;
mod guard;
mod headers;
mod recent;
mod resolver;
mod response;
#[cfg(test)]
mod tests;

pub use client::{Client, ClientSettings, Outgoing};
pub use guard::{Guard, check_url, is_public};
pub use headers::check_headers;
pub use recent::Text;
pub use reqwest::Method;
pub use response::{ContentRange, Response};
