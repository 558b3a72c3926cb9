//! The log of this process, as text.

use std::fmt::Write as _;
use std::sync::{LazyLock, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static LINES: LazyLock<Mutex<Vec<String>>> = LazyLock::new(|| {
    // An error means that it is set already.
    let _ = tracing::subscriber::set_global_default(Journal);
    Mutex::default()
});

struct Journal;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("clipmill")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        LINES.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Begins to write down.
pub fn begin() {
    LazyLock::force(&LINES);
}

/// The lines so far that are about this plugin.
pub fn of(plugin: &str) -> Vec<String> {
    let of_it = format!(" plugin=\"{plugin}\"");
    LINES.lock().unwrap().iter().filter(|line| line.contains(&of_it)).cloned().collect()
}
