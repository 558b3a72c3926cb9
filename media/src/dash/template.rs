//! Addresses with gaps: `video/$RepresentationID$/$Number%05d$.m4s`.

use crate::Error;

/// Widest number.
const WIDEST: usize = 20;
/// Longest template, bytes.
const LONGEST: usize = 8 * 1024;

/// What is put into the gaps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'a> {
    pub id: &'a str,
    pub bandwidth: Option<u64>,
    pub number: Option<u64>,
    pub time: Option<u64>,
}

/// Fills the gaps.
///
/// # Errors
/// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) for a gap that nothing fits.
pub(super) fn fill(template: &str, values: Values<'_>) -> Result<String, Error> {
    let damaged = || Error::damaged("a template of addresses that can't be read");
    if template.len() > LONGEST {
        return Err(Error::too_large("a template of addresses of more than 8 KiB"));
    }
    let mut filled = String::new();
    let mut parts = template.split('$');
    filled.push_str(parts.next().unwrap_or_default());
    while let Some(gap) = parts.next() {
        let rest = parts.next().ok_or_else(damaged)?;
        let (name, width) = match gap.split_once('%') {
            Some((name, format)) => {
                let width = format.strip_prefix('0').and_then(|text| text.strip_suffix('d'));
                let width = width.and_then(|text| text.parse::<usize>().ok());
                (name, width.filter(|width| *width <= WIDEST).ok_or_else(damaged)?)
            }
            None => (gap, 1),
        };
        let number = |value: Option<u64>| Some(format!("{:0width$}", value?));
        match name {
            "" => filled.push('$'),
            "RepresentationID" => filled.push_str(values.id),
            "Number" => filled.push_str(&number(values.number).ok_or_else(damaged)?),
            "Time" => filled.push_str(&number(values.time).ok_or_else(damaged)?),
            "Bandwidth" => filled.push_str(&number(values.bandwidth).ok_or_else(damaged)?),
            _ => return Err(damaged()),
        }
        filled.push_str(rest);
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn gaps_are_filled() {
        let values = Values { id: "v1", bandwidth: Some(5), number: Some(42), time: Some(7) };
        for (template, filled) in [
            ("$RepresentationID$/$Number%05d$.m4s", "v1/00042.m4s"),
            ("a$$b$Time$-$Bandwidth%02d$", "a$b7-05"),
            ("plain", "plain"),
            ("$Number$", "42"),
        ] {
            assert_eq!(fill(template, values).unwrap(), filled);
        }
        for bad in ["$Number", "$Other$", "$Number%99999d$", "$Number%5x$", "$Number%0é$"] {
            assert!(fill(bad, values).is_err(), "{bad}");
        }
        assert!(fill("$Time$", Values { time: None, ..values }).is_err());
    }
}
