//! Lines of a guest in the daemon's log.

use super::super::bindings::log::{Host, Level};
use super::super::context::Context;

/// Most lines of one call.
const LINES: u32 = 100;
/// Longest line, bytes.
const LONGEST: usize = 4096;

impl Host for Context {
    async fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.count()?;
        self.spent.log_lines = self.spent.log_lines.saturating_add(1);
        if self.spent.log_lines > LINES {
            return Ok(());
        }
        let message = one_line(&message);
        let plugin = &*self.plugin.name;
        match level {
            Level::Debug => tracing::debug!(plugin, "{message}"),
            Level::Info => tracing::info!(plugin, "{message}"),
            Level::Warn => tracing::warn!(plugin, "{message}"),
        }
        if self.spent.log_lines == LINES {
            tracing::warn!(plugin, lines = LINES, "the rest of what it logs is left out");
        }
        Ok(())
    }
}

/// A guest's text can't pretend to be more lines, or move a terminal's cursor.
fn one_line(text: &str) -> String {
    let end = text.floor_char_boundary(LONGEST);
    let text = text.get(..end).unwrap_or_default();
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(one_line("a\nb\u{1b}[2J"), "a\u{fffd}b\u{fffd}[2J");
        assert_eq!(one_line(&"ü".repeat(4096)).len(), LONGEST);
    }
}
