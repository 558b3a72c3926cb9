//! The `Authorization` header.

/// The token in an `Authorization` header: after `Bearer` in any case, or the
/// bare token. None when there is nothing that could be one.
pub fn bearer(header: &str) -> Option<&str> {
    let header = header.trim();
    let token = match header.split_once(char::is_whitespace) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
        Some(_) => return None,
        None if header.eq_ignore_ascii_case("bearer") => return None,
        None => header,
    };
    let one_word = !token.is_empty() && !token.contains(char::is_whitespace);
    one_word.then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_may_be_in_any_case_or_missing() {
        for header in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c ", "a.b.c"] {
            assert_eq!(bearer(header), Some("a.b.c"), "{header}");
        }
        for header in ["", "Bearer", "Bearer ", "Basic a.b.c", "Bearer a b"] {
            assert_eq!(bearer(header), None, "{header}");
        }
    }
}
