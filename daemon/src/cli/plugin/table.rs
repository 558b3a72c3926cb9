//! Columns that line up, for people.

use std::fmt;

/// Between two columns.
const GAP: usize = 2;

/// Rows of text; the first one is the heading.
#[derive(Debug, Default)]
pub struct TextTable {
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// A table with this heading, and nothing below it.
    pub fn new(heading: &[&str]) -> TextTable {
        TextTable { rows: vec![heading.iter().map(|head| (*head).to_owned()).collect()] }
    }

    /// Names and what is known of them, without a heading.
    pub fn plain() -> TextTable {
        TextTable::default()
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }
}

impl fmt::Display for TextTable {
    /// Each row is a line, indented by two.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::from("  ");
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                let missing = width.saturating_sub(cell.chars().count()) + GAP;
                line.extend(std::iter::repeat_n(' ', missing));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A size as people read it.
pub fn bytes(count: u64) -> String {
    let count = count as f64;
    match count {
        _ if count < 1024.0 => format!("{count} B"),
        _ if count < 1024.0 * 1024.0 => format!("{:.1} KiB", count / 1024.0),
        _ if count < 1024.0 * 1024.0 * 1024.0 => format!("{:.1} MiB", count / 1048576.0),
        _ => format!("{:.1} GiB", count / 1073741824.0),
    }
}

/// A time as people read it.
pub fn time(took: std::time::Duration) -> String {
    let micros = took.as_micros();
    match micros {
        0 => "0".to_owned(),
        1..1_000 => format!("{micros} us"),
        1_000..1_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        _ => format!("{:.2} s", micros as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = TextTable::new(&["NAME", "STATE"]);
        table.row(["käse".to_owned(), "active".to_owned()]);
        table.row(["a_long_name".to_owned(), String::new()]);
        assert_eq!(
            table.to_string(),
            "  NAME         STATE\n  käse         active\n  a_long_name\n"
        );
    }

    #[test]
    fn sizes_and_times_are_short() {
        assert_eq!([1000, 2048, 3 << 20].map(bytes), ["1000 B", "2.0 KiB", "3.0 MiB"]);
        let micros = [0, 20, 1500, 2_500_000].map(|n| time(Duration::from_micros(n)));
        assert_eq!(micros, ["0", "20 us", "1.5 ms", "2.50 s"]);
    }
}
