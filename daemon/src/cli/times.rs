//! Times as people type them.

/// Seconds from `SS`, `MM:SS` or `HH:MM:SS`, each with a fraction at its end
/// (`1:02:03.5`).
///
/// # Errors
/// What is wrong, for the person who typed it.
pub fn parse_time(text: &str) -> Result<f64, String> {
    let refused = || format!("`{text}` is no time; give seconds (62.5) or [HH:]MM:SS (1:02.5)");
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let parts: Vec<&str> = text.trim().split(':').collect();
    if parts.len() > 3 || !parts.iter().all(|part| plain(part) && !part.is_empty()) {
        return Err(refused());
    }
    let mut seconds = 0.0;
    for (place, part) in parts.iter().enumerate() {
        let last = place + 1 == parts.len();
        let value: f64 = part.parse().map_err(|_| refused())?;
        if !last && part.contains('.') || place > 0 && value >= 60.0 {
            return Err(refused());
        }
        seconds = seconds * 60.0 + value;
    }
    if seconds > 1e7 { Err(refused()) } else { Ok(seconds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (text, seconds) in [
            ("62.5", 62.5),
            ("90", 90.0),
            ("1:00", 60.0),
            ("1:02:03.5", 3723.5),
            ("0:00", 0.0),
            ("100:00", 6000.0),
            (".5", 0.5),
        ] {
            assert_eq!(parse_time(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", ":", "1:", "-5", "1e3", "1:60", "1:2:3:4", "1.5:00", "inf", "nan", "1..2"]
        {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }
}
