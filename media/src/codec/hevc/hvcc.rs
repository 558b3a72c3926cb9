//! `hvcC`, the decoder configuration record of HEVC (ISO/IEC 14496-15, 8.3.3.1).
//!
//! ```text
//! | version | profile, tier, constraints, level: 12 | min_spatial_segmentation: 2
//! | parallelism | chroma format | bit depths: 2 | frame rate: 2
//! | rate, layers, nesting, lengthSizeMinusOne |                       22 bytes
//! | arrays | for each: completeness and NAL unit type | units: 2 | length: 2, NAL unit | ...
//! ```

use super::nal_unit_type::{PPS, SPS, VPS};
use crate::MediaError;
use crate::codec::bits::ByteReader;
use crate::codec::nal::LengthSize;

/// Maximum number of NAL units in an `hvcC`: more than there are ids for.
const MAX_UNITS: u32 = 512;

/// Content of an `hvcC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hvcc {
    /// The bytes before the arrays.
    pub header: [u8; 22],
    /// The NAL units.
    pub arrays: NalUnitArrays,
}

/// NAL units that a decoder needs first, by type in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NalUnitArrays(pub Vec<NalUnitArray>);

/// NAL units of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NalUnitArray {
    /// Their `nal_unit_type`.
    pub unit_type: u8,
    /// The NAL units.
    pub units: Vec<Vec<u8>>,
}

impl NalUnitArrays {
    /// All NAL units of a type.
    pub fn units_of_type(&self, unit_type: u8) -> impl Iterator<Item = &Vec<u8>> {
        self.0
            .iter()
            .filter(move |array| array.unit_type == unit_type)
            .flat_map(|array| &array.units)
    }

    /// All NAL units.
    pub fn units(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.0.iter().flat_map(|array| &array.units)
    }

    /// Adds a NAL unit, unless an equal one is there.
    pub fn add(&mut self, unit_type: u8, unit: Vec<u8>) {
        match self.0.binary_search_by_key(&unit_type, |array| array.unit_type) {
            Ok(found) => {
                if let Some(array) = self.0.get_mut(found)
                    && !array.units.contains(&unit)
                {
                    array.units.push(unit);
                }
            }
            Err(place) => self.0.insert(place, NalUnitArray { unit_type, units: vec![unit] }),
        }
    }
}

impl Hvcc {
    /// Reads the content of an `hvcC`.
    ///
    /// # Errors
    /// `Damaged` when the bytes are no `hvcC`; `TooLarge` when they hold more
    /// than 512 NAL units.
    pub fn parse(config: &[u8]) -> Result<Hvcc, MediaError> {
        let mut fields = ByteReader::new(config, "hvcC ends too early");
        let header = <[u8; 22]>::try_from(fields.bytes(22)?);
        let header = header.map_err(|_| MediaError::damaged("hvcC ends too early"))?;
        if header[0] != 1 {
            return Err(MediaError::damaged("hvcC of an unknown version"));
        }
        let mut arrays = NalUnitArrays::default();
        let mut units = 0;
        for _ in 0..fields.u8()? {
            let unit_type = fields.u8()? & 63;
            for _ in 0..fields.u16()? {
                let length = usize::from(fields.u16()?);
                arrays.add(unit_type, fields.bytes(length)?.to_vec());
                units += 1;
                if units > MAX_UNITS {
                    return Err(MediaError::too_large("hvcC with more than 512 units"));
                }
            }
        }
        Ok(Hvcc { header, arrays })
    }

    /// Size of the length fields before NAL units.
    ///
    /// # Errors
    /// `Damaged` for 3 bytes.
    pub fn lengths(&self) -> Result<LengthSize, MediaError> {
        LengthSize::from_minus_one(self.header[21])
    }

    /// Makes the header valid for the NAL units of another `hvcC` as well: the
    /// higher level, and only the constraints that both promise.
    pub fn merge_header(&mut self, other: &Hvcc) {
        let (own, other) = (&mut self.header, &other.header);
        // general_profile_compatibility_flags, general_constraint_indicator_flags
        for place in 2..12 {
            own[place] &= other[place];
        }
        // general_level_idc
        own[12] = own[12].max(other[12]);
        // min_spatial_segmentation_idc and parallelismType: 0 is unknown.
        if own[13..16] != other[13..16] {
            own[13..16].copy_from_slice(&[0xf0, 0, 0xfc]);
        }
        // constantFrameRate: 0, unknown. numTemporalLayers: the higher number.
        // temporalIdNested: only if both are.
        let layers = (own[21] & 0x38).max(other[21] & 0x38);
        own[21] = layers | own[21] & other[21] & 4 | own[21] & 3;
    }

    /// Writes the content of an `hvcC`. `complete` says that samples hold no
    /// parameter sets (`array_completeness`).
    ///
    /// # Errors
    /// `Unsupported` when there are more NAL units, or longer ones, than fit.
    pub fn write(&self, complete: bool) -> Result<Vec<u8>, MediaError> {
        let many = |_| MediaError::unsupported("more parameter sets than hvcC can hold");
        let mut config = self.header.to_vec();
        config.push(u8::try_from(self.arrays.0.len()).map_err(many)?);
        for array in &self.arrays.0 {
            let complete = complete && matches!(array.unit_type, VPS | SPS | PPS);
            config.push(u8::from(complete) << 7 | array.unit_type);
            config.extend(u16::try_from(array.units.len()).map_err(many)?.to_be_bytes());
            for unit in &array.units {
                config.extend(u16::try_from(unit.len()).map_err(many)?.to_be_bytes());
                config.extend_from_slice(unit);
            }
        }
        Ok(config)
    }
}
