//! What a smart cut is made of: the source, the encoded parts, and the samples
//! that they become.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::mux::SampleData;
use crate::{MediaError, ReadAt, Sample, Track};

/// Maximum number of bytes at the start of a sample that are read to find the
/// header of its first frame: captions and metadata may be before it.
const SAMPLE_START: u32 = 64 * 1024;

/// Maximum number of bytes of an encoded part that are kept in memory because
/// they had to be rewritten.
const MAX_REWRITTEN: usize = 256 * 1024 * 1024;

/// The files that the samples of the new track are in, by their number.
pub(super) const SOURCE_FILE: usize = 0;
const HEAD_FILE: usize = 1;
const TAIL_FILE: usize = 2;

/// Samples that are other than in the source, by their index.
pub(super) type RewrittenSamples = BTreeMap<usize, SampleData>;

/// A video track and the file that its samples are in.
#[derive(Clone, Copy)]
pub struct FileTrack<'a> {
    /// The file.
    pub file: &'a dyn ReadAt,
    /// The track.
    pub track: &'a Track,
}

impl FileTrack<'_> {
    pub(super) fn sample(&self, index: usize) -> Result<&Sample, MediaError> {
        let sample = self.track.samples.get(index);
        sample.ok_or_else(|| MediaError::damaged("a sample that doesn't exist"))
    }

    /// The first bytes of a sample.
    pub(super) async fn read_start(&self, sample: &Sample) -> Result<Bytes, MediaError> {
        self.file.read_at(sample.offset, sample.size.min(SAMPLE_START) as usize).await
    }

    /// All bytes of a sample.
    pub(super) async fn read_sample(&self, sample: &Sample) -> Result<Bytes, MediaError> {
        let size = usize::try_from(sample.size).unwrap_or(usize::MAX);
        self.file.read_at(sample.offset, size).await
    }
}

/// Which of the encoded parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutEnd {
    /// The part before the stream-copied frames.
    Head,
    /// The part after them.
    Tail,
}

/// An encoded part.
#[derive(Clone, Copy)]
pub(super) struct EncodedPart<'a> {
    /// Its file and track.
    pub encoded: FileTrack<'a>,
    pub end: CutEnd,
}

impl<'a> EncodedPart<'a> {
    /// Checks that a part holds `frames` frames of the source's codec, with a
    /// keyframe first. None when it has none.
    pub fn check(
        encoded: Option<FileTrack<'a>>,
        end: CutEnd,
        frames: usize,
        source: &Track,
    ) -> Result<Option<EncodedPart<'a>>, MediaError> {
        let Some(encoded) = encoded else {
            return match frames {
                0 => Ok(None),
                _ => Err(MediaError::unsupported("a part of the cut was not encoded")),
            };
        };
        let track = encoded.track;
        if track.samples.len() != frames {
            let had = track.samples.len();
            return Err(MediaError::unsupported(format!(
                "{had} frames encoded instead of {frames}"
            )));
        }
        if frames == 0 {
            return Ok(None);
        }
        if track.codec != source.codec {
            return Err(MediaError::unsupported("encoded frames are of another codec"));
        }
        let earliest = track.samples.iter().map(|sample| sample.pts).min();
        if !track.samples.first().is_some_and(|first| first.sync && Some(first.pts) == earliest) {
            return Err(MediaError::unsupported("encoded frames don't start with a keyframe"));
        }
        Ok(Some(EncodedPart { encoded, end }))
    }

    /// Its samples as they are.
    pub fn copied(&self) -> Vec<SampleData> {
        let file = match self.end {
            CutEnd::Head => HEAD_FILE,
            CutEnd::Tail => TAIL_FILE,
        };
        self.encoded.track.samples.iter().map(|sample| sample_data(file, sample)).collect()
    }

    /// Its samples as `rewrite` returns them.
    ///
    /// # Errors
    /// `TooLarge` when they have more than 256 MiB, those of `rewrite` and of the
    /// file.
    pub async fn rewritten(
        &self,
        rewrite: impl Fn(&[u8]) -> Result<Vec<u8>, MediaError> + Send,
    ) -> Result<Vec<SampleData>, MediaError> {
        let mut samples = Vec::with_capacity(self.encoded.track.samples.len());
        let mut bytes = 0;
        for sample in &self.encoded.track.samples {
            let rewritten = rewrite(&self.encoded.read_sample(sample).await?)?;
            bytes += rewritten.len();
            if bytes > MAX_REWRITTEN {
                return Err(MediaError::too_large(
                    "more than 256 MiB of frames had to be rewritten",
                ));
            }
            samples.push(SampleData::Generated(rewritten));
        }
        Ok(samples)
    }
}

/// A sample of one of the files, as it is.
pub(super) fn sample_data(file: usize, sample: &Sample) -> SampleData {
    SampleData::Copied { file, offset: sample.offset, size: sample.size }
}

/// The parts that a codec joins.
#[derive(Clone, Copy)]
pub(super) struct SpliceParts<'a> {
    pub source: FileTrack<'a>,
    pub head: Option<EncodedPart<'a>>,
    /// Index of the body's first sample, a keyframe; none when there is no body.
    pub body_start: Option<usize>,
    pub tail: Option<EncodedPart<'a>>,
}

impl<'a> SpliceParts<'a> {
    /// Head and tail, as far as they are there.
    pub fn encoded(&self) -> impl Iterator<Item = EncodedPart<'a>> + use<'a> {
        [self.head, self.tail].into_iter().flatten()
    }
}

/// What a codec makes of the parts.
#[derive(Debug, Default)]
pub(super) struct JoinedParts {
    /// Decoder configuration of all three.
    pub config: Vec<u8>,
    /// MP4 sample entry of all three, when the source has one.
    pub entry: Option<Vec<u8>>,
    /// Samples of the head in decoding order.
    pub head: Vec<SampleData>,
    /// Samples of the body that can't be copied as they are.
    pub rewritten: RewrittenSamples,
    /// Samples of the tail in decoding order.
    pub tail: Vec<SampleData>,
}

impl JoinedParts {
    /// The source's own configuration, and no samples yet.
    pub fn with_config_of(source: &Track) -> JoinedParts {
        let Track { config, entry, .. } = source;
        JoinedParts { config: config.clone(), entry: entry.clone(), ..JoinedParts::default() }
    }

    /// Sets the samples of an encoded part.
    pub fn set_samples(&mut self, end: CutEnd, samples: Vec<SampleData>) {
        match end {
            CutEnd::Head => self.head = samples,
            CutEnd::Tail => self.tail = samples,
        }
    }
}
