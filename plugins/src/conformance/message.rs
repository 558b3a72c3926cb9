//! What a message for people must be.

/// Whether a message can be shown to a person: it says something, is one line
/// and not endless, and has no path of this machine in it.
pub(super) fn is_message(text: &str) -> bool {
    let words = text.split_whitespace();
    !text.trim().is_empty()
        && text.len() <= 500
        && !text.chars().any(char::is_control)
        && !words.into_iter().any(|word| word.starts_with('/') && word.len() > 1)
}
