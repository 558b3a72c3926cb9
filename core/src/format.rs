//! Which file formats and resolutions clients may ask for.

use std::fmt;
use std::str::FromStr;

/// The file format that a client wants of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OutputFormat {
    /// MP4 (ISO/IEC 14496-14).
    #[default]
    Mp4,
    /// WebM.
    Webm,
    /// Whichever the best format of the source fits into.
    Best,
}

impl OutputFormat {
    /// Every format, in the order in which clients are told of them.
    pub const ALL: [OutputFormat; 3] = [OutputFormat::Mp4, OutputFormat::Webm, OutputFormat::Best];

    /// The spelling in requests, records and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            OutputFormat::Mp4 => "mp4",
            OutputFormat::Webm => "webm",
            OutputFormat::Best => "best",
        }
    }
}

/// The resolution that a client wants of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Resolution {
    /// At most so many pixels high, 1 or more. The best one below it is taken
    /// where the source has no such height.
    UpTo(u32),
    /// The source's best one.
    #[default]
    Best,
}

impl Resolution {
    /// The heights that clients may ask for, in pixels.
    pub const HEIGHTS: [u32; 5] = [720, 1080, 1440, 2160, 4320];

    /// The lowest height that clients are told of, in pixels.
    pub const LOWEST: u32 = Resolution::HEIGHTS[0];

    /// The spelling of every resolution that a client may ask for, in the order of
    /// [`Resolution::all`].
    pub const SPELLINGS: [&'static str; 6] = ["720p", "1080p", "1440p", "2160p", "4320p", "best"];

    /// What a record asks for, which may also be a height that clients can't ask
    /// for any more; none when the text names no resolution.
    pub fn from_record(text: &str) -> Option<Resolution> {
        let height = || text.trim_end_matches('p').parse().ok().map(Resolution::UpTo);
        text.parse().ok().or_else(height)
    }

    /// Every resolution that a client may ask for.
    pub fn all() -> impl Iterator<Item = Resolution> {
        Resolution::HEIGHTS.into_iter().map(Resolution::UpTo).chain([Resolution::Best])
    }

    /// Most pixels of a frame's height; none for no bound.
    pub const fn max_height(self) -> Option<u32> {
        match self {
            Resolution::UpTo(height) => Some(height),
            Resolution::Best => None,
        }
    }
}

/// The text names no format or resolution that clients may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {0}")]
pub struct UnknownChoice(&'static str);

impl FromStr for OutputFormat {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<OutputFormat, UnknownChoice> {
        let found = OutputFormat::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or(UnknownChoice("mp4, webm, best"))
    }
}

impl FromStr for Resolution {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<Resolution, UnknownChoice> {
        let found = Resolution::all().find(|resolution| resolution.to_string() == text);
        found.ok_or(UnknownChoice("720p, 1080p, 1440p, 2160p, 4320p, best"))
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resolution::UpTo(height) => write!(out, "{height}p"),
            Resolution::Best => out.write_str("best"),
        }
    }
}

/// Serialized as text, in the spelling of [`fmt::Display`] and [`FromStr`].
macro_rules! as_text {
    ($name:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(OutputFormat);
as_text!(Resolution);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn spellings_read_back() {
        for format in OutputFormat::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        for resolution in Resolution::all() {
            assert_eq!(resolution.to_string().parse(), Ok(resolution));
        }
        let spellings: Vec<_> = Resolution::all().map(|it| it.to_string()).collect();
        assert_eq!(spellings, Resolution::SPELLINGS);
        assert!("1080".parse::<Resolution>().is_err());
        let error = "avi".parse::<OutputFormat>().unwrap_err();
        assert_eq!(error.to_string(), "must be one of mp4, webm, best");
    }

    #[test]
    fn a_record_may_name_a_height_that_is_not_offered() {
        let height = |text| Resolution::from_record(text).map(Resolution::max_height);
        assert_eq!(height("480p"), Some(Some(480)));
        assert_eq!(height("480"), Some(Some(480)));
        assert_eq!((height("best"), height("1080p")), (Some(None), Some(Some(1080))));
        assert_eq!((height("tall"), height("")), (None, None));
    }
}
