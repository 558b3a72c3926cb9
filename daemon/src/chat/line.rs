//! The one line that a chat reads.

/// A line has fewer than 200 characters, which every chat takes.
pub const MAX_CHARACTERS: usize = 199;

/// Text as it may be stored and shown on one line: control characters become
/// spaces, runs of spaces one, and at most `limit` characters stay.
pub fn clean(text: &str, limit: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c));
    let mut line = String::new();
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    shortened(&line, limit)
}

/// The answer to a saved clip: `Clip saved: nice save (-60 s). https://...`.
/// The message is shortened until everything fits.
pub fn saved(message: Option<&str>, offset: f64, link: Option<&str>) -> String {
    let offset = (offset * 10.0).round() / 10.0;
    let mut end = format!(" (-{offset} s)");
    if let Some(link) = link {
        // A link that is longer than the line would cut everything else off.
        if link.chars().count() <= MAX_CHARACTERS / 2 {
            end.push_str(". ");
            end.push_str(link);
        }
    }
    let message = message.map(|message| clean(message, MAX_CHARACTERS)).unwrap_or_default();
    if message.is_empty() {
        return format!("Clip saved{end}");
    }
    let start = "Clip saved: ";
    let room = MAX_CHARACTERS.saturating_sub(start.len() + end.chars().count());
    format!("{start}{}{end}", shortened(&message, room))
}

/// The answer to a refused clip: `Clip not saved: why`.
pub fn refused(why: &str) -> String {
    let start = "Clip not saved: ";
    format!("{start}{}", clean(why, MAX_CHARACTERS - start.len()))
}

/// Marks that change the direction or the look of the text around them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(limit.saturating_sub(1)).collect();
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_clip_reads_as_a_person_would_say_it() {
        assert_eq!(saved(Some("nice save"), 60.0, None), "Clip saved: nice save (-60 s)");
        assert_eq!(saved(None, 7.5, None), "Clip saved (-7.5 s)");
        let link = Some("https://clips.example");
        assert_eq!(
            saved(Some("nice"), 60.0, link),
            "Clip saved: nice (-60 s). https://clips.example"
        );
    }

    #[test]
    fn lines_stay_lines_and_short() {
        let message = "ä\r\n\u{202e}b\0 ".repeat(400);
        for line in [saved(Some(&message), 1e9, Some("https://clips.example")), refused(&message)] {
            assert!(line.chars().count() < 200, "{line}");
            assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line}");
        }
        let long_link = "l".repeat(500);
        assert!(saved(Some("m"), 1.0, Some(&long_link)).chars().count() < 200);
    }
}
