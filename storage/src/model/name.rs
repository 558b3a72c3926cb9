//! Enums that are one word in the database, in JSON and in logs. The word is
//! written in one place, and `Display`, `FromStr` and serde all use it.

/// The word is none of the enum's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no {kind}")]
pub struct UnknownName {
    /// Name of the enum.
    pub kind: &'static str,
    /// The word that was read.
    pub word: String,
}

/// Gives an enum without data its words: `ALL`, `as_str`, `Display`,
/// `FromStr`, `Serialize` and `Deserialize`.
macro_rules! named {
    ($kind:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $kind {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [$kind] = &[$($kind::$variant),+];

            /// The word for it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($kind::$variant => $word),+
                }
            }
        }

        impl std::fmt::Display for $kind {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $kind {
            type Err = $crate::UnknownName;

            fn from_str(word: &str) -> Result<$kind, $crate::UnknownName> {
                match word {
                    $($word => Ok($kind::$variant),)+
                    _ => Err($crate::UnknownName {
                        kind: stringify!($kind),
                        word: word.to_owned(),
                    }),
                }
            }
        }

        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<$kind, D::Error> {
                let word = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use named;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::{Stage, Status};

    #[test]
    fn statuses_are_spelled_as_clients_know_them() {
        let words = ["pending", "processing", "completed", "failed"];
        assert_eq!(Status::ALL.iter().map(ToString::to_string).collect::<Vec<_>>(), words);
        for status in Status::ALL {
            assert_eq!(status.as_str().parse().as_ref(), Ok(status));
            let json = serde_json::to_string(status).unwrap();
            assert_eq!(json, format!("\"{status}\""));
            assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), *status);
        }
    }

    #[test]
    fn stages_are_spelled_as_clients_know_them() {
        let words = ["fetch", "trim", "transcode", "retain"];
        assert_eq!(Stage::ALL.iter().map(ToString::to_string).collect::<Vec<_>>(), words);
        for stage in Stage::ALL {
            assert_eq!(stage.as_str().parse().as_ref(), Ok(stage));
            let json = serde_json::to_string(stage).unwrap();
            assert_eq!(serde_json::from_str::<Stage>(&json).unwrap(), *stage);
        }
    }

    #[test]
    fn other_words_are_refused_by_name() {
        let error = "Pending".parse::<Status>().unwrap_err();
        assert_eq!(error.to_string(), "\"Pending\" is no Status");
        assert!(serde_json::from_str::<Status>("\"done\"").is_err());
        assert!(serde_json::from_str::<Stage>("3").is_err());
    }
}
