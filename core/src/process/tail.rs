//! The bounded end of a stream.

/// How much of standard error is kept, in bytes.
const KEEP: usize = 8 * 1024;

/// The last bytes of what was pushed.
#[derive(Default)]
pub(super) struct Tail {
    bytes: Vec<u8>,
    cut: bool,
}

impl Tail {
    /// Appends, and forgets what is too old.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        // Trimming at twice the size makes the cost of moving bytes constant.
        if self.bytes.len() > 2 * KEEP {
            self.trim();
        }
    }

    fn trim(&mut self) {
        if let Some(surplus) = self.bytes.len().checked_sub(KEEP).filter(|surplus| *surplus > 0) {
            self.bytes.drain(..surplus);
            self.cut = true;
        }
    }

    /// The kept text, beginning with a whole line where there is one.
    pub(super) fn into_text(mut self) -> String {
        self.trim();
        let whole = match self.bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) if self.cut => self.bytes.get(end + 1..).unwrap_or_default(),
            _ => &self.bytes,
        };
        let kept = if whole.is_empty() { self.bytes.as_slice() } else { whole };
        String::from_utf8_lossy(kept).into_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn keeps_whole_last_lines_within_the_bound() {
        let mut tail = Tail::default();
        for n in 0..10_000 {
            tail.push(format!("line {n}\n").as_bytes());
        }
        let text = tail.into_text();
        assert!(text.len() <= KEEP && text.len() > KEEP - 20);
        assert!(text.starts_with("line ") && text.ends_with("line 9999\n"));
    }

    #[test]
    fn keeps_short_output_and_one_endless_line() {
        let mut tail = Tail::default();
        tail.push(b"one\ntwo");
        assert_eq!(tail.into_text(), "one\ntwo");
        let mut tail = Tail::default();
        tail.push(&vec![b'x'; 5 * KEEP]);
        assert_eq!(tail.into_text().len(), KEEP);
    }
}
