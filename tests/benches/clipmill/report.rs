//! The rows, as a table for people and as JSON for programs.

use std::fs;
use std::path::PathBuf;

use clipmill_tests::tool;
use serde_json::{Value, json};

/// What a row has to reach.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// Ours divided by the peer's is at least this.
    RatioAtLeast(f64),
    /// Ours divided by the peer's is at most this.
    RatioAtMost(f64),
    /// The peer's divided by ours is at least this.
    TimesFaster(f64),
    /// Ours is at most this, in the row's unit.
    AtMost(f64),
    /// Ours is at least this, in the row's unit.
    AtLeast(f64),
    /// The figure is told, nothing hangs on it.
    None,
}

/// One comparison.
#[derive(Debug)]
pub struct Row {
    /// What is compared, and with whom.
    pub name: String,
    /// Unit of both figures.
    pub unit: &'static str,
    /// Our figure; none when it could not be measured.
    pub ours: Option<f64>,
    /// The peer's; none when there is no peer or it is missing.
    pub peer: Option<f64>,
    /// What has to be reached.
    pub goal: Goal,
    /// Which program is missing, and what installs it.
    pub missing: Option<String>,
    /// Why we have no figure, although nothing is missing.
    pub failed: Option<String>,
    /// What a reader should know.
    pub note: Option<String>,
}

impl Row {
    /// A row without figures.
    pub fn new(name: &str, unit: &'static str, goal: Goal) -> Row {
        Row {
            name: name.to_owned(),
            unit,
            ours: None,
            peer: None,
            goal,
            missing: None,
            failed: None,
            note: None,
        }
    }

    /// The row with our figure.
    pub fn ours(self, ours: Option<f64>) -> Row {
        Row { ours, ..self }
    }

    /// The row with the peer's figure, or with what is missing for it.
    pub fn peer(self, peer: Result<Option<f64>, String>) -> Row {
        match peer {
            Ok(peer) => Row { peer, ..self },
            Err(missing) => self.missing(missing),
        }
    }

    /// The row with a program that is missing.
    pub fn missing(self, missing: String) -> Row {
        Row { missing: Some(missing), ..self }
    }

    /// The row with a remark.
    pub fn note(self, note: String) -> Row {
        Row { note: Some(note), ..self }
    }

    /// Ours divided by the peer's.
    fn ratio(&self) -> Option<f64> {
        let (ours, peer) = (self.ours?, self.peer?);
        (peer > 0.0).then(|| ours / peer)
    }

    /// Whether the goal is reached; none without a goal or without figures.
    fn met(&self) -> Option<bool> {
        match self.goal {
            Goal::RatioAtLeast(least) => self.ratio().map(|ratio| ratio >= least),
            Goal::RatioAtMost(most) => self.ratio().map(|ratio| ratio <= most),
            Goal::TimesFaster(times) => self.ratio().map(|ratio| ratio * times <= 1.0),
            Goal::AtMost(most) => self.ours.map(|ours| ours <= most),
            Goal::AtLeast(least) => self.ours.map(|ours| ours >= least),
            Goal::None => None,
        }
    }

    fn goal_text(&self) -> Option<String> {
        match self.goal {
            Goal::RatioAtLeast(least) => Some(format!("ratio >= {least}")),
            Goal::RatioAtMost(most) => Some(format!("ratio <= {most}")),
            Goal::TimesFaster(times) => Some(format!("{times} times faster")),
            Goal::AtMost(most) => Some(format!("ours <= {most} {}", self.unit)),
            Goal::AtLeast(least) => Some(format!("ours >= {least} {}", self.unit)),
            Goal::None => None,
        }
    }

    fn json(&self) -> Value {
        let mut row = json!({
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours.map(rounded),
            "peer": self.peer.map(rounded),
            "ratio": self.ratio().map(rounded),
            "goal": self.goal_text(),
            "met": self.met(),
        });
        let remarks = [("missing", &self.missing), ("failed", &self.failed), ("note", &self.note)];
        for (key, text) in remarks {
            if let Some(text) = text {
                row[key] = json!(text);
            }
        }
        row
    }

    fn cells(&self) -> [String; 6] {
        let figure = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), shown);
        let peer = match &self.missing {
            Some(_) => "missing".to_owned(),
            None => figure(self.peer),
        };
        let met = match (self.met(), &self.failed) {
            (_, Some(_)) => "FAILED",
            (Some(true), _) => "yes",
            (Some(false), _) => "NO",
            (None, _) => "-",
        };
        [
            format!("{} [{}]", self.name, self.unit),
            figure(self.ours),
            peer,
            self.ratio().map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}")),
            self.goal_text().unwrap_or_else(|| "-".to_owned()),
            met.to_owned(),
        ]
    }
}

/// All rows of one run.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Adds a row.
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds a group that ended early; its rows until then stay.
    pub fn failed(&mut self, group: &str, reason: String) {
        let row = Row::new(group, "group", Goal::None);
        self.add(Row { failed: Some(reason), ..row });
    }

    /// Whether no group failed.
    pub fn all_measured(&self) -> bool {
        self.rows.iter().all(|row| row.failed.is_none())
    }

    /// Prints the table.
    pub fn print(&self) {
        print!("{}", self.table());
    }

    /// Writes `bench/results.json` in the target folder; answers its path.
    pub fn write(&self) -> PathBuf {
        let folder = tool::target_folder().join("bench");
        fs::create_dir_all(&folder).expect("the folder of the results can be made");
        let file = folder.join("results.json");
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        let text = serde_json::to_string_pretty(&rows).expect("figures and texts are JSON");
        fs::write(&file, text + "\n").expect("the results can be written");
        file
    }

    fn table(&self) -> String {
        let head = ["", "ours", "peer", "ratio", "goal", "met"].map(str::to_owned);
        let lines: Vec<[String; 6]> =
            std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| {
            lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
        };
        let widths: [usize; 6] = std::array::from_fn(width);
        let mut table = String::from("\n");
        for line in &lines {
            let [name, ours, peer, ratio, goal, met] = line;
            let [w0, w1, w2, w3, w4, _] = widths;
            table.push_str(&format!(
                "{name:w0$}  {ours:>w1$}  {peer:>w2$}  {ratio:>w3$}  {goal:w4$}  {met}\n"
            ));
        }
        for row in &self.rows {
            for text in [&row.missing, &row.failed, &row.note].into_iter().flatten() {
                table.push_str(&format!("{}: {text}\n", row.name));
            }
        }
        table
    }
}

/// Three digits behind the point are more than any of the figures is good for.
fn rounded(figure: f64) -> f64 {
    (figure * 1_000.0).round() / 1_000.0
}

fn shown(figure: f64) -> String {
    if figure >= 1_000.0 { format!("{figure:.0}") } else { format!("{figure:.2}") }
}
