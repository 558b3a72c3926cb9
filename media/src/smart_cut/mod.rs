//! The exact cut at nearly the cost of a copy: frames before the first usable
//! keyframe of a span (the *head*) and the few at its end that need later ones
//! (the *tail*) are encoded anew, everything between them (the *body*) is
//! copied byte for byte.
//!
//! [`prepare`] looks into a file and says what is to be copied, and how head
//! and tail must be encoded so that one decoder takes all three for one
//! stream. Whoever calls encodes them as two small files of their own, and
//! [`join`] puts the parts together. [`sound`] picks the packets that go with
//! the picture.
//!
//! Nothing is encoded or written here, and nothing is guessed: what isn't known
//! to be safe is refused with [`Unsupported`](crate::ErrorKind::Unsupported) and a
//! sentence for people, and a full encode has to do instead.

mod av1;
mod entry;
mod h264;
mod hevc;
mod join;
mod plan;
mod prepare;
mod seam;
mod sound;
#[cfg(test)]
mod tests;
mod untie;
mod vpx;

pub use join::join;
pub use plan::{Plan, plan};
pub use prepare::{foresee, prepare};
pub use seam::{Cut, End, H264, Hevc, Picture, Piece, Seam};
pub use sound::sound;
