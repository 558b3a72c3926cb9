//! What the smart cut needs to know of a codec.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::constraints::SpliceConstraints;
use super::parts::{FileTrack, JoinedParts, RewrittenSamples, SpliceParts};
use crate::{CodecId, MediaError, Sample};

/// Whether decoding can start at a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryPoint {
    /// It can't.
    None,
    /// It can: no frame from here on that is output later refers to an earlier
    /// one. (Leading pictures may; they are output before, and are re-encoded.)
    Independent,
    /// It can, once [`SpliceCodec::close_open_gop`] has rewritten what follows.
    OpenGop,
}

/// A codec of the smart cut.
#[async_trait]
pub(super) trait SpliceCodec: Send + Sync {
    /// Which codec.
    fn codec(&self) -> CodecId;

    /// Whether the bitstream marks leading pictures: frames that follow a keyframe
    /// in decoding order and precede it in output order. A player that starts at
    /// the keyframe drops them; elsewhere it fails on them.
    fn marks_leading_pictures(&self) -> bool {
        false
    }

    /// Whether decoding can start at a sample. The smart cut asks only for samples
    /// that the container calls sync samples.
    async fn entry_point(
        &self,
        source: FileTrack<'_>,
        sample: &Sample,
    ) -> Result<EntryPoint, MediaError>;

    /// Rewrites a body that starts at an [`EntryPoint::OpenGop`], so that a decoder
    /// takes that keyframe for one of a closed GOP. `body` holds the indexes of
    /// its samples in decoding order, the keyframe first.
    ///
    /// # Errors
    /// `Unsupported` when the headers can't be rewritten, with the reason.
    async fn close_open_gop(
        &self,
        _source: FileTrack<'_>,
        _body: &[usize],
    ) -> Result<RewrittenSamples, MediaError> {
        Err(MediaError::unsupported("open GOPs of this codec"))
    }

    /// Reads the samples with these indexes, a keyframe first, and finds out what
    /// head and tail must fulfil to stand beside them.
    ///
    /// # Errors
    /// `Unsupported` when they can't be spliced, with the reason.
    async fn splice(&self, source: FileTrack<'_>, samples: &[usize]) -> Result<Splice, MediaError>;
}

/// How the parts of one stream are encoded and joined.
pub(super) struct Splice {
    pub constraints: SpliceConstraints,
    pub joiner: Arc<dyn PartJoiner>,
}

/// Joins the parts of one stream, with what its codec has found out of it.
#[async_trait]
pub(super) trait PartJoiner: Debug + Send + Sync {
    /// Checks that head and tail fulfil the constraints, and joins all parts.
    ///
    /// # Errors
    /// `Unsupported` when they don't.
    async fn join(&self, parts: SpliceParts<'_>) -> Result<JoinedParts, MediaError>;
}
