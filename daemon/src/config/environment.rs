//! Environment variables: those of the reference service, and one for every
//! setting (`CLIPMILL_SECTION_KEY`, `CLIPMILL_PLUGINS_NAME_SETTINGS_KEY`).

use toml::{Table, Value};

use super::PluginsConfig;
use super::sections::SECTIONS;

/// The reference's variables: name, section, key.
pub const REFERENCE: &[(&str, &str, &str)] = &[
    ("MONGODB_URI", "storage", "url"),
    ("REDIS_URI", "storage", "redis"),
    ("JWT_PUBLIC_SECRET", "auth", "jwt_public_secret"),
    ("JWT_PRIVATE_SECRET", "auth", "jwt_private_secret"),
    ("DOWNLOADS_DIR", "folders", "files"),
    ("UPLOADS_DIR", "folders", "uploads"),
    ("MAX_VIDEO_DURATION", "clips", "max_seconds"),
    ("MAX_UPLOAD_SIZE_MB", "uploads", "max_mb"),
    ("VIDEO_RETENTION_MINUTES", "retention", "minutes"),
    ("CLEANUP_INTERVAL_MINUTES", "retention", "sweep_minutes"),
    ("DEFAULT_VIDEO_FORMAT", "clips", "format"),
    ("DEFAULT_VIDEO_RESOLUTION", "clips", "resolution"),
    ("LOG_LEVEL", "log", "level"),
    ("LOG_FILE", "log", "file"),
];

/// Variables of the reference that have no use here, and why.
pub const IGNORED: &[(&str, &str)] = &[("FLASK_SECRET_KEY", "there are no cookies to sign")];

/// What the environment sets, as a table of sections, and the notes that the
/// log should carry. An empty variable counts as not set.
pub fn overlay(variables: impl Iterator<Item = (String, String)>) -> (Table, Vec<String>) {
    let mut table = Table::new();
    let mut notes = Vec::new();
    for (name, value) in variables.filter(|(_, value)| !value.is_empty()) {
        if let Some((_, why)) = IGNORED.iter().find(|(ignored, _)| *ignored == name) {
            notes.push(format!("{name} is set and ignored: {why}"));
        } else if let Some(place) = place(&name) {
            let value = if name == "LOG_LEVEL" { python_level(&value) } else { value };
            put(&mut table, &place, value);
        }
    }
    (table, notes)
}

/// Where a variable belongs: a section, a key, and for plugins what is below.
fn place(name: &str) -> Option<Vec<String>> {
    if let Some((_, section, key)) = REFERENCE.iter().find(|(known, ..)| *known == name) {
        return Some(vec![(*section).to_owned(), (*key).to_owned()]);
    }
    let rest = name.strip_prefix("CLIPMILL_")?.to_ascii_lowercase();
    let (section, key) = rest.split_once('_')?;
    let below = match section {
        "plugins" => PluginsConfig::place(key),
        _ => vec![key.to_owned()],
    };
    let place = std::iter::once(section.to_owned()).chain(below).collect();
    SECTIONS.contains(&section).then_some(place)
}

/// Sets the value at a place, whose tables are made as needed.
fn put(table: &mut Table, place: &[String], value: String) {
    match place {
        [] => {}
        [key] => {
            table.insert(key.clone(), Value::String(value));
        }
        [key, below @ ..] => {
            let entry = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(entry) = entry {
                put(entry, below, value);
            }
        }
    }
}

/// Python's level names are the reference's; ours are shorter.
fn python_level(level: &str) -> String {
    match level.to_ascii_lowercase().as_str() {
        "warning" => "warn".to_owned(),
        "critical" | "fatal" => "error".to_owned(),
        "notset" => "trace".to_owned(),
        other => other.to_owned(),
    }
}
