//! Times as ISO 8601 writes them, in playlists and manifests: moments and
//! durations.

use chrono::{DateTime, Datelike, NaiveDateTime};

/// A moment as `2026-01-31T12:00:00.5+01:00`, as microseconds since 1970.
/// Without a zone it is UTC.
pub(crate) fn parse_moment(text: &str) -> Option<i64> {
    let text = text.trim().replace(',', ".").replacen(['t', ' '], "T", 1);
    let zoned = |format| DateTime::parse_from_str(&text, format).ok();
    let unzoned = |format| NaiveDateTime::parse_from_str(&text, format).ok();
    let utc = ["%FT%T%.f%#z", "%FT%R%#z"].into_iter().find_map(zoned);
    let utc = utc.map(|moment| moment.naive_utc());
    let utc = utc.or_else(|| ["%FT%T%.f", "%FT%R"].into_iter().find_map(unzoned))?;
    (1970..=9999).contains(&utc.year()).then(|| utc.and_utc().timestamp_micros())
}

/// A duration as `P1DT2H3M4.5S`, in seconds.
pub(crate) fn parse_duration(text: &str) -> Option<f64> {
    let mut rest = text.trim().strip_prefix('P')?;
    let (mut seconds, mut in_day) = (0.0, false);
    while !rest.is_empty() {
        if let Some(clock) = rest.strip_prefix('T') {
            (rest, in_day) = (clock, true);
            continue;
        }
        let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let number: f64 = rest.get(..end)?.parse().ok()?;
        let unit = match (rest.get(end..end + 1)?, in_day) {
            ("Y", false) => 365.0 * 86_400.0,
            ("M", false) => 30.0 * 86_400.0,
            ("W", false) => 7.0 * 86_400.0,
            ("D", false) => 86_400.0,
            ("H", true) => 3_600.0,
            ("M", true) => 60.0,
            ("S", true) => 1.0,
            _ => return None,
        };
        seconds += number * unit;
        rest = rest.get(end + 1..)?;
    }
    (0.0..1e10).contains(&seconds).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        for (text, micros) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:30:15.25Z", 951_827_415_250_000),
            ("2026-11-22T23:00:00.123+0100", 1_795_384_800_123_000),
            ("2026-11-22T22:00:00,123", 1_795_384_800_123_000),
            ("2026-11-22T18:30:00.123-03:30", 1_795_384_800_123_000),
            ("2026-11-22 22:00", 1_795_384_800_000_000),
            ("2026-11-22t23:00+01", 1_795_384_800_000_000),
        ] {
            assert_eq!(parse_moment(text), Some(micros), "{text}");
        }
        for text in [
            "",
            "T",
            "2026-13-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-01-01T00:00:0xZ",
            "2026-01-01T+é",
        ] {
            assert_eq!(parse_moment(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read() {
        for (text, seconds) in [
            ("PT0S", 0.0),
            ("PT4.5S", 4.5),
            ("PT1H2M3.25S", 3723.25),
            ("P1DT1S", 86_401.0),
            ("P2M", 5_184_000.0),
        ] {
            assert_eq!(parse_duration(text), Some(seconds), "{text}");
        }
        for text in ["", "4", "P1S", "PTS", "PT1", "P-1D", "PT1e300S", "PTéS", "PTNaNS"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
