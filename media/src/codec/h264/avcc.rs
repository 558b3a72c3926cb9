//! `avcC`, the decoder's configuration of H.264 (ISO/IEC 14496-15, 5.3.3.1).

use super::ParameterSets;
use crate::Error;
use crate::codec::fields::Fields;
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
    /// How lengths of units are written.
    pub lengths: LengthSize,
    /// Sequence parameter sets.
    pub sps: Vec<Vec<u8>>,
    /// Picture parameter sets.
    pub pps: Vec<Vec<u8>>,
    /// What follows: chroma format and depths of the high profiles.
    pub rest: Vec<u8>,
}

impl Avcc {
    /// Reads one.
    ///
    /// # Errors
    /// `Damaged` when it isn't one.
    pub fn parse(config: &[u8]) -> Result<Avcc, Error> {
        let mut fields = Fields::new(config, "avcC ends too early");
        if fields.u8()? != 1 {
            return Err(Error::damaged("avcC of an unknown version"));
        }
        let (profile, compatibility, level) = (fields.u8()?, fields.u8()?, fields.u8()?);
        let lengths = LengthSize::minus_one(fields.u8()?)?;
        let count = fields.u8()? & 31;
        let sps = sets(&mut fields, count)?;
        let count = fields.u8()?;
        let pps = sets(&mut fields, count)?;
        let rest = fields.rest().to_vec();
        Ok(Avcc { profile, compatibility, level, lengths, sps, pps, rest })
    }

    /// Takes the sets of `sets` for its own.
    pub fn hold(&mut self, sets: &ParameterSets) {
        self.sps = sets.sps.values().cloned().collect();
        self.pps = sets.pps.values().cloned().collect();
    }

    /// Its bytes.
    ///
    /// # Errors
    /// `Unsupported` when there are more than 31 sequence parameter sets, 255
    /// of pictures, or one is too long.
    pub fn write(&self) -> Result<Vec<u8>, Error> {
        let many = || Error::unsupported("more parameter sets than avcC can hold");
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
        config.extend_from_slice(&self.rest);
        Ok(config)
    }
}

fn sets(fields: &mut Fields<'_>, count: u8) -> Result<Vec<Vec<u8>>, Error> {
    (0..count)
        .map(|_| {
            let length = usize::from(fields.u16()?);
            Ok(fields.take(length)?.to_vec())
        })
        .collect()
}
