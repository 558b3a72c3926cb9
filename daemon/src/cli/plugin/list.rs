//! `clipmill plugin list`: who is there, in the order in which they are asked.

use clipmill_plugins::wasm::{LoadedState, PluginState, State};
use serde_json::{Value, json};

use super::snapshot::{self, CurrentPlugins, PluginSnapshot};
use super::table::TextTable;
use crate::cli::error::CommandError;
use crate::config::{BUILT_IN, Config};

/// Runs the command.
pub async fn run(config: &Config, json: bool) -> Result<(), CommandError> {
    let current = snapshot::read_or_load(config).await?;
    if json {
        println!("{}", json_array(&current.snapshot));
    } else {
        print_list(config, &current);
    }
    Ok(())
}

/// One array: sources in order, codecs in order, then plugins that are not used.
fn json_array(snapshot: &PluginSnapshot) -> Value {
    let object = |asked: ListedHandler<'_>| {
        let state = asked.plugin.map_or(&State::Active, |plugin| &plugin.state);
        json!({
            "name": asked.name,
            "order": asked.place,
            "kind": asked.kind(),
            "built_in": asked.plugin.is_none(),
            "state": state,
            "file": asked.plugin.map(|plugin| &plugin.file),
            "loaded": asked.plugin.and_then(|plugin| plugin.loaded.as_ref()),
        })
    };
    in_order(snapshot).into_iter().map(object).collect()
}

fn print_list(config: &Config, current: &CurrentPlugins) {
    let CurrentPlugins { snapshot, is_daemon } = current;
    let folder = config.plugins.folder(&config.folders);
    let mut table =
        TextTable::new(&["ORDER", "NAME", "KIND", "VERSION", "STATE", "CALLS", "FAULTS", "HOSTS"]);
    let mut reasons = Vec::new();
    for asked in in_order(snapshot) {
        let loaded = asked.plugin.and_then(|plugin| plugin.loaded.as_ref());
        let loaded_text = |text: fn(&LoadedState) -> String| loaded.map(text).unwrap_or_default();
        table.row([
            asked.place.map_or("-".to_owned(), |place| place.to_string()),
            asked.name.to_owned(),
            asked.kind().unwrap_or("?".to_owned()),
            match asked.plugin {
                None => "built in".to_owned(),
                Some(_) => loaded_text(|loaded| loaded.version.clone()),
            },
            asked
                .plugin
                .map_or("active", |plugin| snapshot::state_word(&plugin.state))
                .replace('_', " "),
            loaded_text(|loaded| loaded.calls.to_string()),
            loaded_text(|loaded| loaded.faults.to_string()),
            loaded_text(|loaded| loaded.has.hosts.join(" ")),
        ]);
        let reason = asked.plugin.and_then(snapshot::reason);
        reasons.extend(reason.map(|reason| format!("{}: {reason}", asked.name)));
    }
    print!("{table}");
    reasons.extend(snapshot::unknown_names(config, &snapshot.plugins));
    reasons.iter().for_each(|reason| println!("  -> {reason}"));
    let from = if *is_daemon {
        format!("as the daemon told at {}", snapshot.as_of.format("%H:%M:%S UTC"))
    } else {
        "no daemon tells; loaded for this list".to_owned()
    };
    println!("{} in {} ({from})", plural(snapshot.plugins.len()), folder.display());
}

fn plural(plugins: usize) -> String {
    match plugins {
        1 => "1 plugin".to_owned(),
        other => format!("{other} plugins"),
    }
}

/// A source or codec, and its turn.
struct ListedHandler<'a> {
    name: &'a str,
    /// Its turn among those of its kind, from 1; none when it is not asked.
    place: Option<usize>,
    is_source: bool,
    plugin: Option<&'a PluginState>,
}

impl ListedHandler<'_> {
    /// Its kind, where that is known.
    fn kind(&self) -> Option<String> {
        match self.plugin {
            Some(plugin) => plugin.loaded.as_ref().map(|loaded| loaded.kind.to_string()),
            None => Some(if self.is_source { "source" } else { "codec" }.to_owned()),
        }
    }
}

/// Sources in order, codecs in order, then plugins that are not asked.
fn in_order(snapshot: &PluginSnapshot) -> Vec<ListedHandler<'_>> {
    let plugin = |name: &str| snapshot.plugins.iter().find(|plugin| plugin.name == name);
    let mut all = Vec::new();
    for (names, is_source) in [(&snapshot.sources, true), (&snapshot.codecs, false)] {
        for (name, place) in names.iter().zip(1..) {
            let plugin = plugin(name).filter(|_| !BUILT_IN.contains(&name.as_str()));
            let aside = plugin.is_some_and(|it| matches!(it.state, State::SetAside { .. }));
            all.push(ListedHandler { name, place: (!aside).then_some(place), is_source, plugin });
        }
    }
    let asked = |plugin: &&PluginState| !all.iter().any(|asked| asked.name == plugin.name);
    let rest: Vec<_> = snapshot.plugins.iter().filter(asked).collect();
    all.extend(rest.into_iter().map(|plugin| ListedHandler {
        name: &plugin.name,
        place: None,
        is_source: false,
        plugin: Some(plugin),
    }));
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn state(name: &str, state: State) -> PluginState {
        PluginState { name: name.to_owned(), state, loaded: None, file: format!("{name}.wasm") }
    }

    #[test]
    fn the_order_is_that_in_which_they_are_asked() {
        let reason = || "it broke off".to_owned();
        let snapshot = PluginSnapshot {
            as_of: chrono::Utc::now(),
            sources: ["tube", "ytdlp", "lazy", "http"].map(str::to_owned).into(),
            codecs: ["h264", "gif"].map(str::to_owned).into(),
            plugins: vec![
                state("broken", State::Broken { reason: reason() }),
                state("gif", State::Active),
                state("lazy", State::SetAside { reason: reason() }),
                state("off", State::Disabled),
                state("tube", State::Active),
            ],
        };
        let all: Vec<_> = in_order(&snapshot).into_iter().map(|it| (it.name, it.place)).collect();
        let asked = [
            ("tube", Some(1)),
            ("ytdlp", Some(2)),
            ("lazy", None),
            ("http", Some(4)),
            ("h264", Some(1)),
            ("gif", Some(2)),
            ("broken", None),
            ("off", None),
        ];
        assert_eq!(all, asked);
        let array = json_array(&snapshot);
        assert_eq!(array[2]["state"]["is"], "set_aside");
        assert_eq!(array[1]["built_in"], true);
        assert_eq!(array[6]["kind"], Value::Null);
    }
}
