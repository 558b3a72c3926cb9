//! `clipmill plugin list`: who is there, in the order in which they are asked.

use clipmill_plugins::wasm::{LoadedState, PluginState, State};
use serde_json::{Value, json};

use super::board::Board;
use super::table::Table;
use super::{states, words};
use crate::cli::exit::Failure;
use crate::config::{BUILT_IN, Config};

/// Runs the command.
pub async fn run(config: &Config, json: bool) -> Result<(), Failure> {
    let (board, running) = states::look(config).await?;
    match json {
        true => println!("{}", array(&board)),
        false => people(config, &board, running),
    }
    Ok(())
}

/// One array: sources in order, codecs in order, then whoever is not asked.
fn array(board: &Board) -> Value {
    let object = |asked: Asked<'_>| {
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
    order(board).into_iter().map(object).collect()
}

fn people(config: &Config, board: &Board, running: bool) {
    let folder = config.plugins.folder(&config.folders);
    let mut table =
        Table::new(&["ORDER", "NAME", "KIND", "VERSION", "STATE", "CALLS", "FAULTS", "HOSTS"]);
    let mut reasons = Vec::new();
    for asked in order(board) {
        let loaded = asked.plugin.and_then(|plugin| plugin.loaded.as_ref());
        let of = |text: fn(&LoadedState) -> String| loaded.map(text).unwrap_or_default();
        table.row([
            asked.place.map_or("-".to_owned(), |place| place.to_string()),
            asked.name.to_owned(),
            asked.kind().unwrap_or("?".to_owned()),
            match asked.plugin {
                None => "built in".to_owned(),
                Some(_) => of(|loaded| loaded.version.clone()),
            },
            asked.plugin.map_or("active", |plugin| words::word(&plugin.state)).replace('_', " "),
            of(|loaded| loaded.calls.to_string()),
            of(|loaded| loaded.faults.to_string()),
            of(|loaded| loaded.has.hosts.join(" ")),
        ]);
        let reason = asked.plugin.and_then(words::reason);
        reasons.extend(reason.map(|reason| format!("{}: {reason}", asked.name)));
    }
    print!("{table}");
    reasons.extend(states::nobody(config, &board.plugins));
    reasons.iter().for_each(|reason| println!("  -> {reason}"));
    let from = match running {
        true => format!("as the daemon told at {}", board.as_of.format("%H:%M:%S UTC")),
        false => "no daemon tells; loaded for this list".to_owned(),
    };
    println!("{} in {} ({from})", plural(board.plugins.len()), folder.display());
}

fn plural(plugins: usize) -> String {
    match plugins {
        1 => "1 plugin".to_owned(),
        other => format!("{other} plugins"),
    }
}

/// A source or codec, and its turn.
struct Asked<'a> {
    name: &'a str,
    /// Its turn among those of its kind, from 1; none when it is not asked.
    place: Option<usize>,
    is_source: bool,
    plugin: Option<&'a PluginState>,
}

impl Asked<'_> {
    /// Its kind, where that is known.
    fn kind(&self) -> Option<String> {
        match self.plugin {
            Some(plugin) => plugin.loaded.as_ref().map(|loaded| loaded.kind.to_string()),
            None => Some(if self.is_source { "source" } else { "codec" }.to_owned()),
        }
    }
}

/// Sources in order, codecs in order, then plugins that are not asked.
fn order(board: &Board) -> Vec<Asked<'_>> {
    let plugin = |name: &str| board.plugins.iter().find(|plugin| plugin.name == name);
    let mut all = Vec::new();
    for (names, is_source) in [(&board.sources, true), (&board.codecs, false)] {
        for (name, place) in names.iter().zip(1..) {
            let plugin = plugin(name).filter(|_| !BUILT_IN.contains(&name.as_str()));
            let aside = plugin.is_some_and(|it| matches!(it.state, State::SetAside { .. }));
            all.push(Asked { name, place: (!aside).then_some(place), is_source, plugin });
        }
    }
    let asked = |plugin: &&PluginState| !all.iter().any(|asked| asked.name == plugin.name);
    let rest: Vec<_> = board.plugins.iter().filter(asked).collect();
    all.extend(rest.into_iter().map(|plugin| Asked {
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
        let board = Board {
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
        let all: Vec<_> = order(&board).into_iter().map(|it| (it.name, it.place)).collect();
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
        let array = array(&board);
        assert_eq!(array[2]["state"]["is"], "set_aside");
        assert_eq!(array[1]["built_in"], true);
        assert_eq!(array[6]["kind"], Value::Null);
    }
}
