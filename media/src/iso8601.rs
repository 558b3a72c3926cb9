//! Times as ISO 8601 writes them: moments and lengths.

/// A moment as `2026-01-31T12:00:00.5+01:00`, as microseconds since 1970.
/// Without a zone it is UTC.
pub(crate) fn moment(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let zone = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at_checked(zone)?;
    let mut parts = clock.splitn(3, ':');
    let hour: i64 = parts.next()?.parse().ok()?;
    let minute: i64 = parts.next()?.parse().ok()?;
    let second = fraction(parts.next().unwrap_or("0"))?;
    let fits = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..=24).contains(&hour)
        && (0..=59).contains(&minute)
        && (0..61_000_000).contains(&second);
    if !fits {
        return None;
    }
    let seconds = (days(year, month, day) * 24 + hour) * 3600 + minute * 60 - offset(zone)? * 60;
    Some(seconds * 1_000_000 + second)
}

/// Minutes that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    let (sign, digits) = match (zone.strip_prefix('+'), zone.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (_, Some(digits)) => (-1, digits),
        _ => return Some(0),
    };
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    let hours: i64 = digits.get(..2)?.parse().ok()?;
    let minutes: i64 = digits.get(2..4).map_or(Some(0), |text| text.parse().ok())?;
    let fits = (0..=23).contains(&hours) && (0..=59).contains(&minutes);
    fits.then_some(sign * (hours * 60 + minutes))
}

/// Days since 1970 of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have their odd day at the end.
    let year = if month <= 2 { year - 1 } else { year };
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + in_year - 719_468
}

/// `12.345`, in millionths.
fn fraction(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let whole: i64 = match whole {
        "" => 0,
        whole => whole.parse().ok().filter(|n| (0..=1_000_000_000).contains(n))?,
    };
    if !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: String = part.chars().chain("000000".chars()).take(6).collect();
    Some(whole * 1_000_000 + digits.parse::<i64>().ok()?)
}

/// A length as `P1DT2H3M4.5S`, in seconds.
pub(crate) fn length(text: &str) -> Option<f64> {
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
        ] {
            assert_eq!(moment(text), Some(micros), "{text}");
        }
        for text in ["", "T", "2026-13-01T00:00:00Z", "2026-01-01T00:00:0xZ", "2026-01-01T+é"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn lengths_are_read() {
        for (text, seconds) in [
            ("PT0S", 0.0),
            ("PT4.5S", 4.5),
            ("PT1H2M3.25S", 3723.25),
            ("P1DT1S", 86_401.0),
            ("P2M", 5_184_000.0),
        ] {
            assert_eq!(length(text), Some(seconds), "{text}");
        }
        for text in ["", "4", "P1S", "PTS", "PT1", "P-1D", "PT1e300S", "PTéS", "PTNaNS"] {
            assert_eq!(length(text), None, "{text}");
        }
    }
}
