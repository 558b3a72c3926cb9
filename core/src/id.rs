//! Record identifiers: the 12-byte ObjectIds of the reference's database.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::clock::Time;

/// A 12-byte identifier, written as 24 lower-case hex digits.
///
/// Layout (BSON ObjectId): 4 bytes seconds since 1970 big-endian, 5 bytes
/// random per process, 3 bytes counter big-endian. Ids of one process sort by
/// creation within a second's resolution.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 12]);

impl Id {
    /// A new identifier that no other call, process or machine makes.
    pub fn generate(now: Time) -> Id {
        static PROCESS: OnceLock<[u8; 5]> = OnceLock::new();
        static COUNTER: OnceLock<AtomicU32> = OnceLock::new();
        let process = PROCESS.get_or_init(rand::random);
        let counter =
            COUNTER.get_or_init(|| AtomicU32::new(rand::random())).fetch_add(1, Ordering::Relaxed);
        // The format holds the low 32 bits of the seconds (until the year 2106).
        let seconds = now.timestamp() as u32;
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&seconds.to_be_bytes());
        bytes[4..9].copy_from_slice(process);
        bytes[9..].copy_from_slice(&counter.to_be_bytes()[1..]);
        Id(bytes)
    }

    /// The raw bytes, as a database keeps them.
    pub fn bytes(self) -> [u8; 12] {
        self.0
    }
}

impl From<[u8; 12]> for Id {
    fn from(bytes: [u8; 12]) -> Id {
        Id(bytes)
    }
}

/// The text was not 24 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is 24 hexadecimal digits")]
pub struct ParseIdError;

impl FromStr for Id {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Id, ParseIdError> {
        let digits = text.as_bytes();
        if digits.len() != 24 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(ParseIdError);
        }
        let mut bytes = [0; 12];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| ParseIdError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| ParseIdError)?;
        }
        Ok(Id(bytes))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Id({self})")
    }
}

impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Id, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_bad_text_is_refused() {
        let id = Id::generate(chrono::Utc::now());
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "507f", "507f1f77bcf86cd79943901g", "+07f1f77bcf86cd799439011"] {
            assert_eq!(bad.parse::<Id>(), Err(ParseIdError), "{bad}");
        }
    }

    #[test]
    fn ids_of_one_moment_differ() {
        let now = chrono::Utc::now();
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| Id::generate(now)).collect();
        assert_eq!(ids.len(), 1000);
    }
}
