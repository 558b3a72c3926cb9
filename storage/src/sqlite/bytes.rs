//! How identifiers and words stand in a column.

use std::str::FromStr;

use clipmill_core::Id;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Sqlite, Type};

use crate::{Stage, Status};

/// An identifier as its 12 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlobId(pub Id);

impl Type<Sqlite> for BlobId {
    fn type_info() -> SqliteTypeInfo {
        <[u8] as Type<Sqlite>>::type_info()
    }
}

impl Encode<'_, Sqlite> for BlobId {
    fn encode_by_ref(&self, to: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        self.0.bytes().to_vec().encode(to)
    }
}

impl<'r> Decode<'r, Sqlite> for BlobId {
    fn decode(value: SqliteValueRef<'r>) -> Result<BlobId, BoxDynError> {
        let bytes = <&[u8]>::decode(value)?;
        Ok(BlobId(Id::from(<[u8; 12]>::try_from(bytes)?)))
    }
}

/// Enums that are one word stand as that word.
macro_rules! as_word {
    ($kind:ty) => {
        impl Type<Sqlite> for $kind {
            fn type_info() -> SqliteTypeInfo {
                <str as Type<Sqlite>>::type_info()
            }
        }

        impl Encode<'_, Sqlite> for $kind {
            fn encode_by_ref(&self, to: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
                self.as_str().encode(to)
            }
        }

        impl<'r> Decode<'r, Sqlite> for $kind {
            fn decode(value: SqliteValueRef<'r>) -> Result<$kind, BoxDynError> {
                Ok(<$kind>::from_str(<&str>::decode(value)?)?)
            }
        }
    };
}

as_word!(Status);
as_word!(Stage);
