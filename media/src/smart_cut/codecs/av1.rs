//! AV1: a shown keyframe resets the decoder (AV1 specification, 7.20, 7.21), and
//! the sequence header before it (5.5) says what follows. So the first sample of
//! each part must hold its own sequence header; where it is only in `av1C`, it is
//! inserted.
//!
//! Head and tail must have an equal sequence header, as far as it is read here.

use std::sync::Arc;

use async_trait::async_trait;

use crate::codec::av1::{Av1SampleStart, Av1SequenceHeader, Obu, find_sequence_header};
use crate::mux::SampleData;
use crate::smart_cut::codec::{EntryPoint, PartJoiner, Splice, SpliceCodec};
use crate::smart_cut::constraints::SpliceConstraints;
use crate::smart_cut::parts::{FileTrack, JoinedParts, SpliceParts};
use crate::{CodecId, MediaError, Sample};

/// Bytes of `av1C` before its OBUs (AV1 in ISO BMFF, 2.3).
const AV1C_FIXED: usize = 4;

pub(super) struct Av1Splice;

#[async_trait]
impl SpliceCodec for Av1Splice {
    fn codec(&self) -> CodecId {
        CodecId::Av1
    }

    async fn entry_point(
        &self,
        source: FileTrack<'_>,
        sample: &Sample,
    ) -> Result<EntryPoint, MediaError> {
        let start = Av1SampleStart::parse(&source.read_start(sample).await?)?;
        Ok(if start.is_shown_key_frame { EntryPoint::Independent } else { EntryPoint::None })
    }

    async fn splice(&self, source: FileTrack<'_>, samples: &[usize]) -> Result<Splice, MediaError> {
        let first = samples.first().ok_or_else(|| MediaError::damaged("AV1 without a keyframe"))?;
        let header = sequence_header(source, source.sample(*first)?).await?;
        if header.operating_points > 1 {
            return Err(MediaError::unsupported("AV1 in scalable layers"));
        }
        // SVT-AV1 encodes nothing else.
        if header.profile != 0 || header.monochrome {
            return Err(MediaError::unsupported("AV1 that isn't 4:2:0"));
        }
        let constraints = SpliceConstraints {
            codec: CodecId::Av1,
            encoder: "libsvtav1",
            profile: None,
            interlaced: false,
            params: None,
        };
        Ok(Splice { constraints, joiner: Arc::new(Av1Joiner { header }) })
    }
}

/// The sequence header that is in force at a keyframe.
async fn sequence_header(
    source: FileTrack<'_>,
    keyframe: &Sample,
) -> Result<Av1SequenceHeader, MediaError> {
    let start = Av1SampleStart::parse(&source.read_start(keyframe).await?)?;
    match start.sequence_header {
        Some(header) => Ok(header),
        None => Av1SequenceHeader::parse(configured_header(source)?.payload),
    }
}

/// The sequence header in `av1C`.
fn configured_header(source: FileTrack<'_>) -> Result<Obu<'_>, MediaError> {
    let units = source.track.config.get(AV1C_FIXED..).unwrap_or_default();
    let header = find_sequence_header(units)?;
    header.ok_or_else(|| MediaError::unsupported("AV1 without a sequence header"))
}

/// A keyframe with the sequence header inserted before it; none when the sample
/// holds one.
async fn insert_sequence_header(
    source: FileTrack<'_>,
    keyframe: &Sample,
) -> Result<Option<SampleData>, MediaError> {
    let start = Av1SampleStart::parse(&source.read_start(keyframe).await?)?;
    if start.sequence_header.is_some() {
        return Ok(None);
    }
    let mut sample = configured_header(source)?.whole.to_vec();
    sample.extend_from_slice(&source.read_sample(keyframe).await?);
    Ok(Some(SampleData::Generated(sample)))
}

#[derive(Debug)]
struct Av1Joiner {
    header: Av1SequenceHeader,
}

#[async_trait]
impl PartJoiner for Av1Joiner {
    async fn join(&self, parts: SpliceParts<'_>) -> Result<JoinedParts, MediaError> {
        let source = parts.source;
        let mut joined = JoinedParts::with_config_of(source.track);
        if let Some(first) = parts.body_start
            && parts.head.is_some()
        {
            let keyframe = insert_sequence_header(source, source.sample(first)?).await?;
            joined.rewritten = keyframe.map(|keyframe| (first, keyframe)).into_iter().collect();
        }
        for part in parts.encoded() {
            let keyframe = part.encoded.sample(0)?;
            if sequence_header(part.encoded, keyframe).await? != self.header {
                return Err(MediaError::unsupported("encoded frames have another format"));
            }
            let mut samples = part.copied();
            let inserted = insert_sequence_header(part.encoded, keyframe).await?;
            if let (Some(sample), Some(inserted)) = (samples.first_mut(), inserted) {
                *sample = inserted;
            }
            joined.set_samples(part.end, samples);
        }
        Ok(joined)
    }
}
