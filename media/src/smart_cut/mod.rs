//! The smart cut: re-encoded head, stream-copied body, re-encoded tail. It cuts
//! a video stream at any frame, at nearly the cost of a copy.
//!
//! ```text
//!              start of the span                                     end of the span
//!                    |                                                     |
//! source   ..K.......|......K............K............K............K.......|.....K..
//!                    |      ^ first usable keyframe                  ^ last complete
//! result             |=head=|===================body===================|=tail=|
//!                    re-encoded           stream-copied              re-encoded
//! ```
//!
//! * Head: the frames before the first usable keyframe of the span.
//! * Body: everything from that keyframe on that refers to no frame beyond the
//!   span, copied byte for byte. Only headers change, where the standard of the
//!   codec demands it (a keyframe of an open GOP, [`SmartCut::rewrites_open_gop`]).
//! * Tail: the few last frames, which refer to a frame beyond the end.
//!
//! [`prepare`] reads a file, plans the cut, and says what the encoder of head and
//! tail must fulfil ([`SpliceConstraints`]), so that one decoder takes all three
//! parts for one stream. The caller encodes head and tail as two small files;
//! [`join`] puts the parts together. [`cut_audio`] picks the audio packets of the
//! same span. Nothing is encoded or written here.
//!
//! A codec is one file in `codecs/` that implements `SpliceCodec`, and one line in
//! the list of `codecs/mod.rs`.
//!
//! What can't be cut safely is refused with
//! [`Unsupported`](crate::MediaErrorKind::Unsupported) and a reason for people; the caller
//! encodes the whole span instead:
//! * codecs without an entry in the list: nothing is known of their splices;
//! * two frames with the same timestamp: the order of output is ambiguous;
//! * leading pictures where the codec doesn't mark them (all but HEVC, and H.264
//!   whose open GOP was rewritten): the timestamps are wrong, or decoding depends
//!   on frames that are not copied;
//! * H.264: profiles that libx264 doesn't write, data partitions, a resolution or
//!   bit depth that changes, no unused parameter set ids, and open GOPs with
//!   CAVLC, fields or long-term reference pictures;
//! * HEVC: profiles but Main and Main 10, interlaced video, layers, Dolby Vision:
//!   libx265 doesn't write them;
//! * AV1: scalable streams, profiles but Main, monochrome: SVT-AV1 doesn't write
//!   them.

mod audio;
mod codec;
mod codecs;
mod constraints;
mod join;
mod open_gop;
mod parts;
mod plan;
mod prepare;
mod sample_entry;
#[cfg(test)]
mod tests;

pub use audio::cut_audio;
pub use constraints::{EncoderParams, SpliceConstraints};
pub use join::join;
pub use parts::{CutEnd, FileTrack};
pub use plan::SmartCutPlan;
pub use prepare::{SmartCut, prepare, prepare_early};
