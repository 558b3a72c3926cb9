//! Chat bots: how to recognize them, what a live chat's id holds, and the one line
//! that the chat reads.

mod bot;
mod line;
mod live_chat_id;
mod protobuf;

pub use bot::asks_for_text;
pub use line::{MAX_CHARACTERS, clean, refused, saved};
pub use live_chat_id::{LiveVideo, NotAVideo, parse_video};
