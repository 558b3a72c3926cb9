//! How identifiers and words stand in a column.

use std::str::FromStr;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Sqlite, Type};

use crate::{Id, Stage, Status};

impl Type<Sqlite> for Id {
    fn type_info() -> SqliteTypeInfo {
        <[u8] as Type<Sqlite>>::type_info()
    }
}

impl Encode<'_, Sqlite> for Id {
    fn encode_by_ref(&self, to: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        self.bytes().to_vec().encode(to)
    }
}

impl<'r> Decode<'r, Sqlite> for Id {
    fn decode(value: SqliteValueRef<'r>) -> Result<Id, BoxDynError> {
        let bytes = <&[u8]>::decode(value)?;
        Ok(Id::from(<[u8; 12]>::try_from(bytes)?))
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
