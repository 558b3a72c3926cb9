//! E-mail addresses of accounts.

/// The longest address that mail can be sent to, bytes.
const MAX_BYTES: usize = 254;
/// The longest part before the `@`, bytes.
const MAX_LOCAL_BYTES: usize = 64;

/// The address as it is stored and compared: trimmed and in lower case. None
/// when it is no address.
///
/// The check is for the shape `local@domain.tld` only; whether mail arrives
/// there is not ours to know.
pub fn normalized_email(text: &str) -> Option<String> {
    let email = text.trim().to_lowercase();
    let (local, domain) = email.rsplit_once('@')?;
    let labels: Vec<&str> = domain.split('.').collect();
    let good = email.len() <= MAX_BYTES
        && !local.is_empty()
        && local.len() <= MAX_LOCAL_BYTES
        && local.chars().all(fits_in_local)
        && labels.len() >= 2
        && labels.iter().all(|label| fits_as_label(label));
    good.then_some(email)
}

fn fits_in_local(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !"@<>()[]\\,;:\"".contains(c)
}

fn fits_as_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_compare_without_case() {
        let email = normalized_email(" Ada.L+clips@Example.ORG ");
        assert_eq!(email.as_deref(), Some("ada.l+clips@example.org"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        for text in
            ["", "a", "a@", "@b.c", "a@b", "a b@c.de", "a@b..c", "a@-b.c", "a@b@c.de", &long]
        {
            assert_eq!(normalized_email(text), None, "{text}");
        }
    }
}
