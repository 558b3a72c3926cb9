//! Reading the configuration from its four layers.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::sections::SECTIONS;
use super::{Config, PluginsConfig, environment, validate};

/// A configuration that holds, and what the log should say of it.
#[derive(Debug)]
pub struct LoadedConfig {
    /// The configuration.
    pub config: Config,
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// Notes for the log.
    pub notes: Vec<String>,
}

/// Everything that is wrong with a configuration.
#[derive(Debug)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "the configuration has {} problem(s):", self.0.len())?;
        self.0.iter().try_for_each(|problem| writeln!(out, "  - {problem}"))
    }
}

impl std::error::Error for ConfigError {}

/// Joins defaults, the file (a named one must exist; `config.toml` in the
/// current folder need not), the variables and the flags (section, key,
/// value).
///
/// # Errors
/// All problems of all layers, together.
pub fn load(
    file: Option<&Path>,
    variables: impl Iterator<Item = (String, String)>,
    flags: &[(&str, &str, String)],
) -> Result<LoadedConfig, ConfigError> {
    let mut problems = Vec::new();
    let (path, mut table) = read(file, &mut problems);
    let (from_environment, mut notes) = environment::overlay(variables);
    merge(&mut table, from_environment);
    for (section, key, value) in flags {
        let one = Table::from_iter([((*key).to_owned(), Value::String(value.clone()))]);
        merge(&mut table, Table::from_iter([((*section).to_owned(), Value::Table(one))]));
    }
    let config = assemble(table, &mut problems);
    validate::check(&config, &mut problems);
    if config.storage.redis.is_some() && !config.storage.is_shared() {
        notes.push(
            "storage.redis (REDIS_URI) is set and ignored: beside SQLite there is no need of it"
                .to_owned(),
        );
    }
    if problems.is_empty() {
        Ok(LoadedConfig { config, file: path, notes })
    } else {
        Err(ConfigError(problems))
    }
}

fn read(file: Option<&Path>, problems: &mut Vec<String>) -> (Option<PathBuf>, Table) {
    let path = file.unwrap_or(Path::new("config.toml"));
    match std::fs::read_to_string(path) {
        Ok(text) => match text.parse::<Table>() {
            Ok(table) => (Some(path.to_owned()), table),
            Err(error) => {
                problems.push(format!("{}: {error}", path.display()));
                (None, Table::new())
            }
        },
        Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            (None, Table::new())
        }
        Err(error) => {
            problems.push(format!("{} can't be read: {error}", path.display()));
            (None, Table::new())
        }
    }
}

fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Reads every setting on its own, so that one bad value does not hide the next.
fn assemble(table: Table, problems: &mut Vec<String>) -> Config {
    let mut good = Table::new();
    for (section, value) in table {
        let Value::Table(settings) = value else {
            problems.push(format!("`{section}` must be a section: [{section}]"));
            continue;
        };
        if !SECTIONS.contains(&section.as_str()) {
            problems
                .push(format!("[{section}] is not a section; there are: {}", SECTIONS.join(", ")));
            continue;
        }
        let kept = keep(&[&section], settings, problems);
        good.insert(section, Value::Table(kept));
    }
    parse(Value::Table(good)).unwrap_or_else(|problem| {
        problems.push(problem);
        Config::default()
    })
}

/// The settings of the table at `path` that can be read.
fn keep(path: &[&str], settings: Table, problems: &mut Vec<String>) -> Table {
    let mut kept = Table::new();
    for (key, value) in settings {
        let path = [path, &[key.as_str()]].concat();
        let read = match value {
            Value::Table(table) if path.len() == 2 && is_plugin(&path) => {
                Ok(Value::Table(keep(&path, table, problems)))
            }
            value => fitting(&path, value),
        };
        match read {
            Ok(value) => {
                kept.insert(key, value);
            }
            Err(problem) => problems.push(format!("{}: {problem}", path.join("."))),
        }
    }
    kept
}

fn is_plugin(path: &[&str]) -> bool {
    matches!(path, ["plugins", name] if PluginsConfig::is_name(name))
}

/// The value in the form that its setting takes. Text from the environment or
/// a flag may stand for a number, a truth value or a list.
fn fitting(path: &[&str], value: Value) -> Result<Value, String> {
    let first = match alone(path, value.clone()) {
        Ok(()) => return Ok(value),
        Err(problem) => problem,
    };
    let Value::String(text) = &value else { return Err(first) };
    let as_list = || {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
    };
    let readings = [
        text.trim().parse().ok().map(Value::Integer),
        text.trim().parse().ok().map(Value::Float),
        text.trim().to_ascii_lowercase().parse().ok().map(Value::Boolean),
        Some(as_list()),
    ];
    let fits = |reading: &Value| alone(path, reading.clone()).is_ok();
    readings.into_iter().flatten().find(fits).ok_or(first)
}

/// Whether the value can be read where `path` leads.
fn alone(path: &[&str], value: Value) -> Result<(), String> {
    let around = |inner, key: &&str| Value::Table(Table::from_iter([((*key).to_owned(), inner)]));
    parse::<Config>(path.iter().rev().fold(value, around)).map(|_| ())
}

fn parse<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    value.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn with(text: &str, variables: &[(&str, &str)]) -> Result<LoadedConfig, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        let owned = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        load(Some(&path), owned, &[])
    }

    #[test]
    fn the_shipped_file_holds_exactly_the_defaults() {
        let shipped = with(include_str!("../../../config.toml"), &[]).unwrap().config;
        let print = |config: &Config| toml::to_string(config).unwrap();
        assert_eq!(print(&shipped), print(&Config::default()));
    }

    #[test]
    fn the_shipped_file_names_every_setting() {
        let text = include_str!("../../../config.toml");
        let Value::Table(defaults) = Value::try_from(Config::default()).unwrap() else { panic!() };
        for (section, settings) in defaults {
            assert!(text.contains(&format!("[{section}]")), "{section}");
            for key in settings.as_table().unwrap().keys() {
                let set = format!("\n{key} = ");
                let commented = format!("\n# {key} = ");
                assert!(text.contains(&set) || text.contains(&commented), "{section}.{key}");
            }
        }
    }

    #[test]
    fn environment_wins_over_the_file_and_flags_over_both() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(&path, "[retention]\nminutes = 10\n[uploads]\nmax_mb = 1").unwrap();
        let variables = [("VIDEO_RETENTION_MINUTES", "20"), ("MAX_UPLOAD_SIZE_MB", "2")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()));
        let flags = [("uploads", "max_mb", "3".to_owned())];
        let config = load(Some(&path), variables.into_iter(), &flags).unwrap().config;
        assert_eq!(config.retention.minutes, 20.0);
        assert_eq!(config.uploads.max_mb, 3);
    }

    #[test]
    fn every_reference_variable_reaches_its_setting() {
        let value = |name: &str| match name {
            "MONGODB_URI" => "mongodb://db.example.org/clips",
            "REDIS_URI" => "redis://cache.example.org",
            "DEFAULT_VIDEO_FORMAT" => "webm",
            "DEFAULT_VIDEO_RESOLUTION" => "720p",
            "LOG_LEVEL" => "WARNING",
            "JWT_PUBLIC_SECRET" => "p-0123456789012345678901234567890123456789",
            "JWT_PRIVATE_SECRET" => "q-0123456789012345678901234567890123456789",
            _ => "7",
        };
        let all: Vec<_> = environment::REFERENCE.iter().map(|(n, ..)| (*n, value(n))).collect();
        let config = with("", &all).unwrap().config;
        let set = toml::to_string(&config).unwrap();
        let default = toml::to_string(&Config::default()).unwrap();
        let changed = set.lines().filter(|line| !default.contains(line)).count();
        assert_eq!(changed, environment::REFERENCE.len(), "{set}");
        assert_eq!(config.log.level, "warn");
    }

    #[test]
    fn a_limit_goes_only_with_hardware_that_keeps_it() {
        let problems = |text: &str| with(text, &[]).err().map_or(0, |error| error.0.len());
        for (text, wanted) in [
            ("[encode]\nhardware = 'vaapi'\nhardware_device = '/dev/dri/renderD129'", 0),
            ("[encode]\nhardware = 'videotoolbox'\nif_larger = 'keep-source'", 0),
            ("[encode]\nhardware = 'nvenc'\nif_larger = 'limit'", 0),
            ("[encode]\nhardware = 'vaapi'\nif_larger = 'limit'", 1),
            ("[encode]\nhardware = 'cuda'", 1),
            ("[encode]\nhardware = 'qsv'\nhardware_device = '-f'", 1),
        ] {
            assert_eq!(problems(text), wanted, "{text}");
        }
    }

    #[test]
    fn ignored_variables_are_noted() {
        let loaded = with("", &[("FLASK_SECRET_KEY", "x")]).unwrap();
        assert_eq!(loaded.notes.len(), 1);
        assert!(!loaded.notes[0].contains('x') || loaded.notes[0].contains("FLASK"));
    }

    #[test]
    fn our_own_variables_set_lists_numbers_and_truth() {
        let config = with(
            "",
            &[
                ("CLIPMILL_NETWORK_ALLOW", "127.0.0.0/8, 10.0.0.0/8"),
                ("CLIPMILL_CLIPS_DIRECT", "false"),
                ("CLIPMILL_WORKERS_COUNT", "3"),
            ],
        )
        .unwrap()
        .config;
        assert_eq!(config.network.allow.len(), 2);
        assert!(!config.clips.direct);
        assert_eq!(config.workers.count, 3);
    }

    #[test]
    fn plugins_have_tables_of_their_own() {
        let text = "[plugins]\norder = ['peertube', 'ytdlp']\nmax_seconds = 5\n\
                    [plugins.peertube]\nhosts = ['*.example.org']\n\
                    [plugins.peertube.settings]\ntoken = 'hush'\npage = 7\nnested = { a = [1] }";
        let variables = [
            ("CLIPMILL_PLUGINS_DISABLE", "h265, gif"),
            ("CLIPMILL_PLUGINS_MAX_MEMORY_MB", "64"),
            ("CLIPMILL_PLUGINS_PEERTUBE_SETTINGS_TOKEN", "other"),
            ("CLIPMILL_PLUGINS_ARCHIVE_HOSTS", "archive.org,*.archive.org"),
        ];
        let config = with(text, &variables).unwrap().config;
        let plugins = &config.plugins;
        assert_eq!(plugins.order, ["peertube", "ytdlp"]);
        assert_eq!(plugins.disable, ["h265", "gif"]);
        assert_eq!((plugins.max_memory_mb, plugins.max_seconds), (64, 5));
        let peertube = &plugins.each["peertube"];
        assert_eq!(peertube.hosts.as_deref(), Some(&["*.example.org".to_owned()][..]));
        assert_eq!(peertube.settings["token"].reveal().as_str(), Some("other"));
        assert_eq!(peertube.settings["page"].reveal().as_integer(), Some(7));
        assert_eq!(plugins.each["archive"].hosts.as_ref().map(Vec::len), Some(2));
        let shown = format!("{}{config:?}", toml::to_string(&config).unwrap());
        assert!(shown.contains("[plugins.peertube.settings]"), "{shown}");
        assert!(!shown.contains("hush") && !shown.contains("other"), "{shown}");
    }

    #[test]
    fn every_problem_with_plugins_is_reported_at_once() {
        let text = "[plugins]\nwach = true\ngrant = 'all'\norder = ['a', 'a', 'B']\n\
                    max_memory_mb = 0\n[plugins.one]\nhost = []\nhosts = ['http://x', '*']\n\
                    [plugins.folder]\n[plugins.h264]\n[plugins.'../x']\n";
        let ConfigError(problems) = with(text, &[]).unwrap_err();
        for part in [
            "plugins.wach: ",
            "plugins.grant: ",
            "`a` is there twice",
            "`B` is no name",
            "plugins.max_memory_mb: ",
            "plugins.one.host: ",
            "`http://x` must be a host",
            "plugins.folder: ",
            "plugins.h264: is built in",
            "plugins.../x: ",
        ] {
            assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:#?}");
        }
        assert_eq!(problems.len(), 10, "{problems:#?}");
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let text = "[server]\nlisten = 'nowhere'\nport = 1\n[nonsense]\n[clips]\nformat = 'avi'\n";
        let ConfigError(problems) = with(text, &[]).unwrap_err();
        assert_eq!(problems.len(), 4, "{problems:?}");
    }
}
