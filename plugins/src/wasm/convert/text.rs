//! Text that comes from a guest.

/// Longest message to people, characters.
const MESSAGE: usize = 300;

/// One line for people, whatever the guest said.
pub(super) fn message(text: &str) -> String {
    let line = line(text, MESSAGE);
    match line.trim() {
        "" => "the plugin gives no reason".to_owned(),
        said => said.to_owned(),
    }
}

/// One line of at most so many characters.
pub(super) fn line(text: &str, most: usize) -> String {
    text.chars().take(most).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Whether this is 1 to `most` characters without control characters.
pub(super) fn is_id(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}
