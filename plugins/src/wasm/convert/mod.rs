//! Between the interface's types and clipmill's own. What comes from a guest is
//! checked here, once, so that the code behind need not.

mod codec;
mod frames;
mod probe;
mod source;
mod text;

pub(super) use codec::{codec_error, description, encode_plan};
pub(super) use frames::{frame_plan, frame_plan_for_guest};
pub(super) use probe::probe;
pub(super) use source::{media_info, source_error};
