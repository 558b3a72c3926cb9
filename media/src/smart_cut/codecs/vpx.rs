//! VP8 and VP9: a keyframe resets the decoder (RFC 6386, 9.1; VP9 specification,
//! 7.2), so that parts one after the other are one stream. Nothing is rewritten.
//!
//! Head and tail of VP9 must have the profile, bit depth, subsampling and size of
//! the body, because the configuration of a track (`vpcC`) holds for all of it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::codec::vpx::{Vp9KeyframeHeader, is_vp8_keyframe};
use crate::smart_cut::codec::{EntryPoint, PartJoiner, Splice, SpliceCodec};
use crate::smart_cut::constraints::SpliceConstraints;
use crate::smart_cut::parts::{FileTrack, JoinedParts, SpliceParts};
use crate::{CodecId, MediaError, Sample};

pub(super) struct Vp8Splice;

#[async_trait]
impl SpliceCodec for Vp8Splice {
    fn codec(&self) -> CodecId {
        CodecId::Vp8
    }

    async fn entry_point(
        &self,
        source: FileTrack<'_>,
        sample: &Sample,
    ) -> Result<EntryPoint, MediaError> {
        entry_point(is_vp8_keyframe(&source.read_start(sample).await?)?)
    }

    async fn splice(
        &self,
        _source: FileTrack<'_>,
        _samples: &[usize],
    ) -> Result<Splice, MediaError> {
        let joiner = Arc::new(VpxJoiner { vp9: None });
        Ok(Splice { constraints: constraints(CodecId::Vp8, "libvpx"), joiner })
    }
}

pub(super) struct Vp9Splice;

#[async_trait]
impl SpliceCodec for Vp9Splice {
    fn codec(&self) -> CodecId {
        CodecId::Vp9
    }

    async fn entry_point(
        &self,
        source: FileTrack<'_>,
        sample: &Sample,
    ) -> Result<EntryPoint, MediaError> {
        let header = Vp9KeyframeHeader::parse(&source.read_start(sample).await?)?;
        entry_point(header.is_some())
    }

    async fn splice(&self, source: FileTrack<'_>, samples: &[usize]) -> Result<Splice, MediaError> {
        let joiner = Arc::new(VpxJoiner { vp9: Some(keyframe_header(source, samples).await?) });
        Ok(Splice { constraints: constraints(CodecId::Vp9, "libvpx-vp9"), joiner })
    }
}

fn entry_point(is_keyframe: bool) -> Result<EntryPoint, MediaError> {
    Ok(if is_keyframe { EntryPoint::Independent } else { EntryPoint::None })
}

fn constraints(codec: CodecId, encoder: &'static str) -> SpliceConstraints {
    SpliceConstraints { codec, encoder, profile: None, interlaced: false, params: None }
}

/// The header of the first of these samples.
async fn keyframe_header(
    source: FileTrack<'_>,
    samples: &[usize],
) -> Result<Vp9KeyframeHeader, MediaError> {
    let no_keyframe = || MediaError::damaged("VP9 without a keyframe");
    let first = source.sample(*samples.first().ok_or_else(no_keyframe)?)?;
    Vp9KeyframeHeader::parse(&source.read_start(first).await?)?.ok_or_else(no_keyframe)
}

#[derive(Debug)]
struct VpxJoiner {
    /// The header that head and tail must have; none with VP8, which has but one
    /// format.
    vp9: Option<Vp9KeyframeHeader>,
}

#[async_trait]
impl PartJoiner for VpxJoiner {
    async fn join(&self, parts: SpliceParts<'_>) -> Result<JoinedParts, MediaError> {
        let mut joined = JoinedParts::with_config_of(parts.source.track);
        for part in parts.encoded() {
            if let Some(wanted) = self.vp9
                && keyframe_header(part.encoded, &[0]).await? != wanted
            {
                return Err(MediaError::unsupported("encoded frames have another format"));
            }
            joined.set_samples(part.end, part.copied());
        }
        Ok(joined)
    }
}
