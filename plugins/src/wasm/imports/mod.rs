//! What a guest can ask of the host, and nothing else.

mod cache;
mod clock;
mod http;
mod log;
mod settings;
