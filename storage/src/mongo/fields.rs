//! Reading documents that others may have written: a field may be missing,
//! null, or a number of another kind than ours.

use std::time::Duration;

use chrono::DateTime;
use clipmill_core::{Id, Time};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime as BsonTime, Document};

use crate::{Result, StorageError};

/// The end of the year 9999: later times can't be written as text.
pub(super) const LAST_MILLISECOND: i64 = 253_402_300_799_999;

/// An id as documents keep it.
pub(super) fn oid(id: Id) -> ObjectId {
    ObjectId::from_bytes(id.bytes())
}

/// A moment as documents keep it: milliseconds.
pub(super) fn date(time: Time) -> BsonTime {
    BsonTime::from_millis(time.timestamp_millis())
}

/// The moment `lasts` after `now`; at most the end of the year 9999.
pub(super) fn after(now: Time, lasts: Duration) -> BsonTime {
    let lasts = i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX);
    let end = now.timestamp_millis().saturating_add(lasts);
    BsonTime::from_millis(end.min(LAST_MILLISECOND))
}

/// The moment, cut to what documents keep.
pub(super) fn whole(time: Time) -> Result<Time> {
    moment(date(time))
}

fn moment(date: BsonTime) -> Result<Time> {
    let ms = date.timestamp_millis();
    DateTime::from_timestamp_millis(ms)
        .ok_or_else(|| StorageError::Corrupt(format!("{ms} is no time in milliseconds")))
}

/// Typed access to the fields of one document.
pub(super) struct Fields<'a>(pub(super) &'a Document);

impl<'a> Fields<'a> {
    /// A field that is there and not null.
    fn some(&self, name: &str) -> Option<&'a Bson> {
        self.0.get(name).filter(|value| !matches!(value, Bson::Null))
    }

    fn wrong(name: &str, value: &Bson) -> StorageError {
        StorageError::Corrupt(format!("the field {name} is of type {:?}", value.element_type()))
    }

    fn missing(&self, name: &str) -> StorageError {
        let id = self.0.get("_id").map_or("a document".to_owned(), Bson::to_string);
        StorageError::Corrupt(format!("{id} has no field {name}"))
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>> {
        match self.some(name) {
            None => Ok(None),
            Some(Bson::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(Self::wrong(name, other)),
        }
    }

    /// A text that must be there.
    pub(super) fn needed_text(&self, name: &str) -> Result<String> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// An id; also one that was written as 24 hex digits.
    pub(super) fn id(&self, name: &str) -> Result<Option<Id>> {
        match self.some(name) {
            None => Ok(None),
            Some(Bson::ObjectId(id)) => Ok(Some(Id::from(id.bytes()))),
            Some(Bson::String(text)) if text.parse::<Id>().is_ok() => Ok(text.parse().ok()),
            Some(other) => Err(Self::wrong(name, other)),
        }
    }

    /// An id that must be there.
    pub(super) fn needed_id(&self, name: &str) -> Result<Id> {
        self.id(name)?.ok_or_else(|| self.missing(name))
    }

    /// A number of whatever kind; also one that was written as text.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>> {
        match self.some(name) {
            None => Ok(None),
            Some(Bson::Double(number)) if number.is_finite() => Ok(Some(*number)),
            Some(Bson::Int32(number)) => Ok(Some(f64::from(*number))),
            Some(Bson::Int64(number)) => Ok(Some(*number as f64)),
            Some(Bson::String(text)) => {
                Ok(text.trim().parse().ok().filter(|n: &f64| n.is_finite()))
            }
            Some(other) => Err(Self::wrong(name, other)),
        }
    }

    /// A number that counts something; 0 when it is missing or below.
    pub(super) fn count(&self, name: &str) -> Result<u64> {
        match self.some(name) {
            Some(Bson::Int64(number)) => Ok(u64::try_from(*number).unwrap_or(0)),
            // A float's cast saturates, and answers 0 for what is no number.
            _ => Ok(self.number(name)?.unwrap_or(0.0) as u64),
        }
    }

    /// A truth value; false when it is missing.
    pub(super) fn flag(&self, name: &str) -> Result<bool> {
        match self.some(name) {
            None => Ok(false),
            Some(Bson::Boolean(flag)) => Ok(*flag),
            Some(other) => Err(Self::wrong(name, other)),
        }
    }

    /// A moment.
    pub(super) fn time(&self, name: &str) -> Result<Option<Time>> {
        match self.some(name) {
            None => Ok(None),
            Some(Bson::DateTime(date)) => moment(*date).map(Some),
            Some(other) => Err(Self::wrong(name, other)),
        }
    }

    /// When the document was made; its id tells when no field does.
    pub(super) fn made_at(&self) -> Result<Time> {
        match self.time("created_at")? {
            Some(time) => Ok(time),
            None => moment(oid(self.needed_id("_id")?).timestamp()),
        }
    }

    /// A list of words.
    pub(super) fn words(&self, name: &str) -> Result<Option<Vec<String>>> {
        let list = match self.some(name) {
            None => return Ok(None),
            Some(Bson::Array(list)) => list,
            Some(other) => return Err(Self::wrong(name, other)),
        };
        let word = |item: &Bson| match item {
            Bson::String(word) => Ok(word.clone()),
            other => Err(Self::wrong(name, other)),
        };
        list.iter().map(word).collect::<Result<_>>().map(Some)
    }

    /// A word of one of our closed sets.
    pub(super) fn named<T>(&self, name: &str) -> Result<Option<T>>
    where
        T: std::str::FromStr<Err = crate::UnknownName>,
    {
        let word = self.text(name)?;
        let parsed = word.map(|word| word.parse()).transpose();
        parsed.map_err(|error| StorageError::Corrupt(format!("{name}: {error}")))
    }

    /// A document within; an empty one stands for a missing one.
    pub(super) fn within(&self, name: &str) -> Result<Option<Fields<'a>>> {
        match self.some(name) {
            None => Ok(None),
            Some(Bson::Document(inner)) => Ok(Some(Fields(inner))),
            Some(other) => Err(Self::wrong(name, other)),
        }
    }
}
