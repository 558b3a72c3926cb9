//! Templates of addresses (ISO/IEC 23009-1, 5.3.9.4.4):
//! `video/$RepresentationID$/$Number%05d$.m4s`.

use crate::MediaError;

/// Most digits of a number.
const WIDTH: usize = 20;
/// Most bytes of a template.
const TEMPLATE_SIZE: usize = 8 * 1024;

/// What identifiers stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct TemplateValues<'a> {
    pub id: &'a str,
    pub bandwidth: Option<u64>,
    pub number: Option<u64>,
    pub time: Option<u64>,
}

/// Puts values in the place of identifiers.
///
/// # Errors
/// [`MediaErrorKind::Damaged`](crate::MediaErrorKind::Damaged) for an identifier without a
/// value.
pub(super) fn fill_template(
    template: &str,
    values: TemplateValues<'_>,
) -> Result<String, MediaError> {
    let damaged = || MediaError::damaged("a template of addresses that can't be read");
    if template.len() > TEMPLATE_SIZE {
        return Err(MediaError::too_large("a template of addresses of more than 8 KiB"));
    }
    let mut filled = String::new();
    let mut parts = template.split('$');
    filled.push_str(parts.next().unwrap_or_default());
    while let Some(identifier) = parts.next() {
        let rest = parts.next().ok_or_else(damaged)?;
        let (name, width) = match identifier.split_once('%') {
            Some((name, format)) => {
                let width = format.strip_prefix('0').and_then(|text| text.strip_suffix('d'));
                let width = width.and_then(|text| text.parse::<usize>().ok());
                (name, width.filter(|width| *width <= WIDTH).ok_or_else(damaged)?)
            }
            None => (identifier, 1),
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
    fn identifiers_are_replaced() {
        let values =
            TemplateValues { id: "v1", bandwidth: Some(5), number: Some(42), time: Some(7) };
        for (template, filled) in [
            ("$RepresentationID$/$Number%05d$.m4s", "v1/00042.m4s"),
            ("a$$b$Time$-$Bandwidth%02d$", "a$b7-05"),
            ("plain", "plain"),
            ("$Number$", "42"),
        ] {
            assert_eq!(fill_template(template, values).unwrap(), filled);
        }
        for bad in ["$Number", "$Other$", "$Number%99999d$", "$Number%5x$", "$Number%0é$"] {
            assert!(fill_template(bad, values).is_err(), "{bad}");
        }
        assert!(fill_template("$Time$", TemplateValues { time: None, ..values }).is_err());
    }
}
