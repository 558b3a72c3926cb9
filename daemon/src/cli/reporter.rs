//! Reports the progress of a job to a person or a script.

use std::convert::Infallible;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use clipmill_core::{Phase, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use tokio::sync::watch;

use super::error::CommandError;

/// Between two reports of progress.
const EVERY: Duration = Duration::from_millis(200);

/// Where reports go.
pub enum CommandReporter {
    /// A bar on a terminal, on standard error.
    Bar(ProgressBar),
    /// JSON lines on standard output.
    Json,
    /// Only the end, where there is no terminal.
    Quiet,
}

impl CommandReporter {
    /// A bar on a terminal, JSON lines when asked, else nothing until the end.
    pub fn new(json: bool) -> CommandReporter {
        if json {
            return CommandReporter::Json;
        }
        if !std::io::stderr().is_terminal() {
            return CommandReporter::Quiet;
        }
        let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{prefix:>12} {wide_bar} {msg}") {
            bar.set_style(style);
        }
        CommandReporter::Bar(bar)
    }

    /// Reports as long as it is awaited; never ends by itself.
    pub async fn follow(&self, mut progress: watch::Receiver<Progress>) -> Infallible {
        while progress.changed().await.is_ok() {
            let now = progress.borrow_and_update().clone();
            self.show(&now);
            tokio::time::sleep(EVERY).await;
        }
        std::future::pending().await
    }

    fn show(&self, now: &Progress) {
        match self {
            CommandReporter::Bar(bar) => draw(bar, now),
            CommandReporter::Json => {
                let mut line = json!({ "event": "progress" });
                if let (Some(line), Ok(serde_json::Value::Object(fields))) =
                    (line.as_object_mut(), serde_json::to_value(now))
                {
                    line.extend(fields);
                }
                write_line(&line);
            }
            CommandReporter::Quiet => {}
        }
    }

    /// Reports success: fields of the event, and a line for people.
    pub fn done(&self, event: &serde_json::Value, line: &str) {
        match self {
            CommandReporter::Bar(bar) => {
                bar.finish_and_clear();
                println!("{line}");
            }
            CommandReporter::Json => write_line(event),
            CommandReporter::Quiet => println!("{line}"),
        }
    }

    /// Reports an error to scripts; [`super::error::report`] prints it for people.
    pub fn failed(&self, error: &CommandError) {
        match self {
            CommandReporter::Bar(bar) => bar.finish_and_clear(),
            CommandReporter::Json => write_line(&json!({
                "event": "failed",
                "code": error.code,
                "message": error.message,
                "causes": error.causes,
            })),
            CommandReporter::Quiet => {}
        }
    }
}

fn draw(bar: &ProgressBar, now: &Progress) {
    let (prefix, percent) = match now.current_phase {
        Phase::Initializing => ("resolving", 0.0),
        Phase::Downloading => ("fetching", now.download_progress),
        Phase::Encoding => ("encoding", now.encoding_progress),
    };
    bar.set_prefix(prefix);
    // A percentage, so the value is between 0 and 1000.
    bar.set_position((percent * 10.0) as u64);
    let speed = now.speed.as_deref().unwrap_or("");
    let eta = now.eta.as_deref().map(|eta| format!("  {eta} left")).unwrap_or_default();
    bar.set_message(format!("{percent:5.1} %  {speed}{eta}"));
}

/// Writes a line; a reader that has gone away is no reason to fail.
fn write_line(value: &serde_json::Value) {
    let _ = writeln!(std::io::stdout(), "{value}");
}
