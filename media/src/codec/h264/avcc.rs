//! `avcC`, the decoder configuration record of H.264 (ISO/IEC 14496-15,
//! 5.3.3.1).
//!
//! ```text
//! | 1 | profile | compatibility | level | lengthSizeMinusOne |
//! | count | length SPS | length SPS | ... | count | length PPS | ... | extension
//! ```

use super::parameter_sets::ParameterSets;
use crate::MediaError;
use crate::codec::bits::ByteReader;
use crate::codec::nal::LengthSize;

/// Content of an `avcC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Avcc {
    /// `AVCProfileIndication`.
    pub profile: u8,
    /// `profile_compatibility`.
    pub compatibility: u8,
    /// `AVCLevelIndication`.
    pub level: u8,
    /// Size of the length fields before NAL units.
    pub lengths: LengthSize,
    /// Sequence parameter sets.
    pub sps: Vec<Vec<u8>>,
    /// Picture parameter sets.
    pub pps: Vec<Vec<u8>>,
    /// What follows the sets: chroma format and bit depths of the high profiles.
    pub extension: Vec<u8>,
}

impl Avcc {
    /// Reads the content of an `avcC`.
    ///
    /// # Errors
    /// `Damaged` when the bytes are no `avcC`.
    pub fn parse(config: &[u8]) -> Result<Avcc, MediaError> {
        let mut fields = ByteReader::new(config, "avcC ends too early");
        if fields.u8()? != 1 {
            return Err(MediaError::damaged("avcC of an unknown version"));
        }
        let (profile, compatibility, level) = (fields.u8()?, fields.u8()?, fields.u8()?);
        let lengths = LengthSize::from_minus_one(fields.u8()?)?;
        let count = fields.u8()? & 31;
        let sps = sets(&mut fields, count)?;
        let count = fields.u8()?;
        let pps = sets(&mut fields, count)?;
        let extension = fields.rest().to_vec();
        Ok(Avcc { profile, compatibility, level, lengths, sps, pps, extension })
    }

    /// Replaces the parameter sets.
    pub fn set_parameter_sets(&mut self, sets: &ParameterSets) {
        self.sps = sets.sps.values().cloned().collect();
        self.pps = sets.pps.values().cloned().collect();
    }

    /// Writes the content of an `avcC`.
    ///
    /// # Errors
    /// `Unsupported` when there are more than 31 sequence parameter sets or 255
    /// picture parameter sets, or one is longer than 65,535 bytes.
    pub fn write(&self) -> Result<Vec<u8>, MediaError> {
        let many = || MediaError::unsupported("more parameter sets than avcC can hold");
        let lengths = 0xfc | (self.lengths.bytes() as u8 - 1);
        let mut config = vec![1, self.profile, self.compatibility, self.level, lengths];
        let counts = [(0xe0, 31, &self.sps), (0, 255, &self.pps)];
        for (above, most, sets) in counts {
            let count = u8::try_from(sets.len()).ok().filter(|count| *count <= most);
            config.push(above | count.ok_or_else(many)?);
            for set in sets {
                let length = u16::try_from(set.len()).map_err(|_| many())?;
                config.extend_from_slice(&length.to_be_bytes());
                config.extend_from_slice(set);
            }
        }
        config.extend_from_slice(&self.extension);
        Ok(config)
    }
}

fn sets(fields: &mut ByteReader<'_>, count: u8) -> Result<Vec<Vec<u8>>, MediaError> {
    (0..count)
        .map(|_| {
            let length = usize::from(fields.u16()?);
            Ok(fields.bytes(length)?.to_vec())
        })
        .collect()
}
