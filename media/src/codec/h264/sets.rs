//! The parameter sets that a stream uses, by their ids.

use std::collections::BTreeMap;

use super::{PPS, SPS, Sps, pps_ids, unit_type};
use crate::Error;

/// Parameter sets by id; at most 32 and 256.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParameterSets {
    /// Sequence parameter sets.
    pub sps: BTreeMap<u8, Vec<u8>>,
    /// Picture parameter sets.
    pub pps: BTreeMap<u8, Vec<u8>>,
}

impl ParameterSets {
    /// Those among some units.
    ///
    /// # Errors
    /// Those of [`ParameterSets::add`].
    pub fn of<'a>(units: impl IntoIterator<Item = &'a Vec<u8>>) -> Result<ParameterSets, Error> {
        let mut sets = ParameterSets::default();
        for unit in units {
            sets.add(unit)?;
        }
        Ok(sets)
    }

    /// Takes a set in place of an earlier one of the same id; says whether that
    /// was there and had another content. Other units are left out.
    ///
    /// # Errors
    /// `Damaged` when its id can't be read.
    pub fn add(&mut self, unit: &[u8]) -> Result<bool, Error> {
        let first = unit.first().copied().unwrap_or_default();
        let earlier = match unit_type(first) {
            SPS => self.sps.insert(Sps::parse(unit)?.id, unit.to_vec()),
            PPS => self.pps.insert(pps_ids(unit)?.0, unit.to_vec()),
            _ => None,
        };
        Ok(earlier.is_some_and(|earlier| earlier != unit))
    }

    /// Ids from 1 to 31 that no set of either kind has.
    pub fn free(&self) -> impl Iterator<Item = u8> {
        (1..=31).filter(|id| !self.sps.contains_key(id) && !self.pps.contains_key(id))
    }
}
