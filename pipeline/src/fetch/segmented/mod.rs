//! Streams in segments: those that hold the span are downloaded side by side and
//! joined to one local file with one clock.
//!
//! From the top to the bottom:
//!
//! ```text
//! streams                 finds the renditions of video and audio, and gets both
//! live                    waits until the list of a rendition holds the span
//! hls, dash               read lists (list_reader) and say which segments there are
//! fetch_rendition         selects segments, and more where the list was not exact
//! download, join          get their bytes; make one file of them
//! selected                segments that are here, and their clocks (crypt, first_timestamp)
//! rendition, segment      what is handed around
//! ```

mod crypt;
mod dash;
mod download;
mod fetch_rendition;
mod first_timestamp;
mod hls;
mod join;
mod list_reader;
mod live;
mod rendition;
mod segment;
mod selected;
mod streams;

pub use rendition::LiveTimeline;
pub use streams::{SegmentedRequest, fetch_segmented, stream_address};
