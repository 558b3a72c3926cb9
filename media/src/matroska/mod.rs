//! Matroska (RFC 9559) and WebM, which is a part of it: which bytes of a remote
//! file a span needs, where every frame of a local one is, and writing.
//!
//! ```text
//! EBML                 document type: "matroska" or "webm"
//! Segment
//!   SeekHead           positions of the elements below
//!   Info               TimestampScale, Duration
//!   Tracks
//!     TrackEntry       number, codec, CodecPrivate, CodecDelay, Video or Audio
//!   Cues               index: time -> cluster and block; often behind the clusters
//!   Cluster            (many)
//!     Timestamp
//!     SimpleBlock      track number, time after Timestamp, keyframe flag, frames
//!     BlockGroup
//!       Block          as a SimpleBlock, without the flag
//!       BlockDuration
//!       ReferenceBlock if there is one, the block is no keyframe
//! ```
//!
//! Not supported, because nothing that is fetched or uploaded needs it:
//!
//! - `ContentEncodings` (encryption, compression, stripped headers): refused,
//!   since frames are copied as they are stored.
//! - `BlockAdditions`, `EncryptedBlock`, `CodecState`: left out of samples.
//! - Chapters, tags, attachments, subtitle tracks: left out.
//! - Several segments in one file, and segments that are linked to others: only
//!   the first one is read.
//! - `LanguageBCP47`: only `Language` is read.
//! - `Projection` other than flat video that is rotated by quarters.
//! - `DiscardPadding`: the end of the last packet is presented.

mod block;
mod buffered_file;
mod cluster;
mod codec_config;
mod cues;
mod ebml;
mod ids;
mod index;
mod packet_duration;
mod read;
mod segment_head;
mod timestamp_grid;
mod track_entry;
mod write;

use std::fs::File;
use std::io::Write;

use async_trait::async_trait;
use clipmill_core::probe::Container;

use crate::container_format::ContainerFormat;
use crate::mux::{OutTrack, WriteError};
use crate::{ClipFile, Media, MediaError, ReadAt, SpanSelection};

pub use index::locate;
pub use read::read;
pub use timestamp_grid::snap_to_grid;
pub use write::write;

/// Matroska and WebM.
#[derive(Debug, Clone, Copy)]
pub struct Matroska;

#[async_trait]
impl ContainerFormat for Matroska {
    fn containers(&self) -> &'static [Container] {
        &[Container::Webm, Container::Mkv]
    }

    fn is_indexed_apart(&self) -> bool {
        // Only a block itself says where it is.
        false
    }

    async fn locate(
        &self,
        file: &dyn ReadAt,
        selection: &SpanSelection,
    ) -> Result<ClipFile, MediaError> {
        locate(file, selection).await
    }

    async fn read(&self, file: &dyn ReadAt) -> Result<Media, MediaError> {
        read(file).await
    }

    fn write(
        &self,
        out: &mut dyn Write,
        tracks: &[OutTrack],
        files: &[&File],
    ) -> Result<(), WriteError> {
        write(out, tracks, files)
    }
}
