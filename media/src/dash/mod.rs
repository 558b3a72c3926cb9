//! DASH manifests (ISO/IEC 23009-1): what they say, as far as fetching a span
//! needs it.
//!
//! ```text
//! MPD (5.3.1)               type, availabilityStartTime, mediaPresentationDuration,
//!                           minimumUpdatePeriod, timeShiftBufferDepth
//!   Period (5.3.2)          start, duration
//!     AdaptationSet (5.3.3) contentType, Role, ContentProtection
//!       Representation (5.3.5)
//!                           id, bandwidth, codecs, width, height, frameRate
//! on three levels           BaseURL (5.6), SegmentTemplate (5.3.9.4), SegmentList
//!                           (5.3.9.3), each with SegmentTimeline (5.3.9.6)
//! ```
//!
//! Text in, typed lists out. Addresses are left as they are written, each with
//! those that it is relative to.
//!
//! Not supported:
//!
//! - Document types, and entities of a manifest's own: refused, since they can
//!   make a small text huge or refer to other documents.
//! - `ContentProtection`: refused when the segments are asked for.
//! - Periods in other documents (`xlink:href`), and patches of manifests: read
//!   as if they were not there.
//! - `SegmentBase` with several periods: the file has an index of its own, and
//!   the caller reads it; more than one file is not joined.
//! - `SubRepresentation`, events, subtitles, trick modes: not needed for a clip.

mod addressing;
mod manifest;
mod segments;
mod template;
#[cfg(test)]
mod tests;
mod xml;

pub use manifest::{MANIFEST_SIZE, Mpd, Period, Representation};
pub use segments::{LiveMoment, ManifestSegment, SegmentList, SegmentSource, SegmentUrl};
