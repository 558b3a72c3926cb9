//! `hvcC`, the decoder's configuration of HEVC (ISO/IEC 14496-15, 8.3.3.1).

use super::{PPS, SPS, VPS};
use crate::Error;
use crate::codec::fields::Fields;
use crate::codec::nal::LengthSize;

/// Most units of an `hvcC`: more than there are ids for.
const MOST_UNITS: u32 = 512;

/// Content of an `hvcC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hvcc {
    /// What is before the arrays.
    pub header: [u8; 22],
    /// Units by type.
    pub arrays: Arrays,
}

/// Units that a decoder gets first, by type, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrays(pub Vec<Array>);

/// Units of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// Type of its units.
    pub unit_type: u8,
    /// The units.
    pub units: Vec<Vec<u8>>,
}

impl Arrays {
    /// All units of a type.
    pub fn of(&self, unit_type: u8) -> impl Iterator<Item = &Vec<u8>> {
        self.0
            .iter()
            .filter(move |array| array.unit_type == unit_type)
            .flat_map(|array| &array.units)
    }

    /// All units.
    pub fn all(&self) -> impl Iterator<Item = (u8, &Vec<u8>)> {
        self.0.iter().flat_map(|array| array.units.iter().map(|unit| (array.unit_type, unit)))
    }

    /// Adds a unit, unless it is there.
    pub fn add(&mut self, unit_type: u8, unit: Vec<u8>) {
        match self.0.binary_search_by_key(&unit_type, |array| array.unit_type) {
            Ok(found) => {
                if let Some(array) = self.0.get_mut(found)
                    && !array.units.contains(&unit)
                {
                    array.units.push(unit);
                }
            }
            Err(place) => self.0.insert(place, Array { unit_type, units: vec![unit] }),
        }
    }
}

impl Hvcc {
    /// Reads one.
    ///
    /// # Errors
    /// `Damaged` when it isn't one.
    pub fn parse(config: &[u8]) -> Result<Hvcc, Error> {
        let mut fields = Fields::new(config, "hvcC ends too early");
        let header = <[u8; 22]>::try_from(fields.take(22)?);
        let header = header.map_err(|_| Error::damaged("hvcC ends too early"))?;
        if header[0] != 1 {
            return Err(Error::damaged("hvcC of an unknown version"));
        }
        let mut arrays = Arrays::default();
        let mut units = 0;
        for _ in 0..fields.u8()? {
            let unit_type = fields.u8()? & 63;
            for _ in 0..fields.u16()? {
                let length = usize::from(fields.u16()?);
                arrays.add(unit_type, fields.take(length)?.to_vec());
                units += 1;
                if units > MOST_UNITS {
                    return Err(Error::too_large("hvcC with more than 512 units"));
                }
            }
        }
        Ok(Hvcc { header, arrays })
    }

    /// How lengths of units are written.
    ///
    /// # Errors
    /// `Damaged` for 3 bytes.
    pub fn lengths(&self) -> Result<LengthSize, Error> {
        LengthSize::minus_one(self.header[21])
    }

    /// Makes it fit for the units of another one as well: the higher level,
    /// only what both promise.
    pub fn widen(&mut self, other: &Hvcc) {
        let (own, other) = (&mut self.header, &other.header);
        // Compatible profiles, constraints.
        for place in 2..12 {
            own[place] &= other[place];
        }
        own[12] = own[12].max(other[12]);
        // Spatial segments and parallelism: 0 says nothing.
        if own[13..16] != other[13..16] {
            own[13..16].copy_from_slice(&[0xf0, 0, 0xfc]);
        }
        // Constant rate: unknown. Layers: the higher number. Nesting: both.
        let layers = (own[21] & 0x38).max(other[21] & 0x38);
        own[21] = layers | own[21] & other[21] & 4 | own[21] & 3;
    }

    /// Its bytes; `complete` when samples hold no parameter sets.
    ///
    /// # Errors
    /// `Unsupported` when there are more units than fit.
    pub fn write(&self, complete: bool) -> Result<Vec<u8>, Error> {
        let many = |_| Error::unsupported("more parameter sets than hvcC can hold");
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
