//! The `Range` header: one range of bytes. Several at once are answered with everything, which the
//! protocol allows.

/// What a `Range` header asks for, of a body of known length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// No usable range: the whole body.
    Everything,
    /// From `first` to `last`, both included.
    Part { first: u64, last: u64 },
    /// Nothing of the body lies in the range: 416.
    Outside,
}

pub(super) fn parse(header: Option<&str>, length: u64) -> Wanted {
    let Some(spec) = header.and_then(|header| header.strip_prefix("bytes=")) else {
        return Wanted::Everything;
    };
    let Some((first, last)) = spec.split_once('-') else { return Wanted::Everything };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), _) if first >= length => Wanted::Outside,
        (Ok(first), Ok(last)) if last < first => Wanted::Everything,
        (Ok(first), Ok(last)) => Wanted::Part { first, last: last.min(length - 1) },
        (Ok(first), Err(_)) if last.trim().is_empty() => Wanted::Part { first, last: length - 1 },
        (Err(_), Ok(0)) if first.trim().is_empty() => Wanted::Outside,
        (Err(_), Ok(suffix)) if first.trim().is_empty() && length > 0 => {
            Wanted::Part { first: length.saturating_sub(suffix), last: length - 1 }
        }
        _ => Wanted::Everything,
    }
}

#[cfg(test)]
mod tests {
    use super::{Wanted, parse};

    #[test]
    fn ranges_as_clients_write_them() {
        let cases = [
            (None, Wanted::Everything),
            (Some("bytes=0-9"), Wanted::Part { first: 0, last: 9 }),
            (Some("bytes=90-"), Wanted::Part { first: 90, last: 99 }),
            (Some("bytes=90-500"), Wanted::Part { first: 90, last: 99 }),
            (Some("bytes=-10"), Wanted::Part { first: 90, last: 99 }),
            (Some("bytes=-500"), Wanted::Part { first: 0, last: 99 }),
            (Some("bytes=100-"), Wanted::Outside),
            (Some("bytes=-0"), Wanted::Outside),
            (Some("bytes=9-3"), Wanted::Everything),
            (Some("bytes=0-1,5-6"), Wanted::Everything),
            (Some("lines=0-1"), Wanted::Everything),
        ];
        for (header, wanted) in cases {
            assert_eq!(parse(header, 100), wanted, "{header:?}");
        }
        assert_eq!(parse(Some("bytes=0-"), 0), Wanted::Outside);
    }
}
