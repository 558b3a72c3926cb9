//! Splitting a stream of bytes into lines of bounded length.

/// Longest line that is handed on, in bytes; the rest of a longer one is dropped.
const LONGEST: usize = 64 * 1024;

/// Gathers bytes until a line is whole.
#[derive(Default)]
pub(super) struct Lines {
    line: Vec<u8>,
}

impl Lines {
    /// Takes bytes and hands every line that they end to `on_line`, without
    /// its line break.
    pub(super) fn push(&mut self, mut bytes: &[u8], on_line: &mut impl FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (head, rest) = bytes.split_at(end);
            self.append(head);
            self.flush(on_line);
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.append(bytes);
    }

    /// Hands on the last line if no line break ended it.
    pub(super) fn finish(&mut self, on_line: &mut impl FnMut(&str)) {
        if !self.line.is_empty() {
            self.flush(on_line);
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = LONGEST.saturating_sub(self.line.len());
        self.line.extend(bytes.iter().take(room));
    }

    fn flush(&mut self, on_line: &mut impl FnMut(&str)) {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        on_line(&String::from_utf8_lossy(line));
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(parts: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        let mut take = |line: &str| found.push(line.to_owned());
        for part in parts {
            lines.push(part, &mut take);
        }
        lines.finish(&mut take);
        found
    }

    #[test]
    fn joins_parts_and_strips_breaks() {
        assert_eq!(split(&[b"a", b"b\r\n\nc", b"\nd"]), ["ab", "", "c", "d"]);
        assert!(split(&[b""]).is_empty());
    }

    #[test]
    fn cuts_an_endless_line() {
        let long = vec![b'x'; 3 * LONGEST];
        assert_eq!(split(&[&long, &long, b"\nnext\n"])[0].len(), LONGEST);
    }
}
