//! Names of handlers and of what they offer.

/// Whether a name can stand in a record, an address and a file name: 1 to 32 of
/// a-z, 0-9 and `_`.
pub fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    !text.is_empty() && text.len() <= 32 && text.bytes().all(plain)
}
