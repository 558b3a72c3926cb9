//! The words for how a plugin is.

use clipmill_plugins::wasm::{PluginState, State};

/// The word for a state, in metrics and in lists.
pub fn word(state: &State) -> &'static str {
    match state {
        State::Active => "active",
        State::Disabled => "disabled",
        State::SetAside { .. } => "set_aside",
        State::Broken { .. } => "broken",
    }
}

/// How many plugins are in which state, for all states.
pub fn counts(plugins: &[PluginState]) -> [(&'static str, usize); 4] {
    ["active", "disabled", "set_aside", "broken"]
        .map(|name| (name, plugins.iter().filter(|plugin| word(&plugin.state) == name).count()))
}

/// What is wrong with a plugin, for people.
pub fn reason(plugin: &PluginState) -> Option<String> {
    match (&plugin.state, &plugin.loaded) {
        (State::SetAside { reason }, _) => Some(format!(
            "{reason}; it is asked again after half an hour, or when its file changes"
        )),
        (State::Broken { reason }, Some(loaded)) => {
            Some(format!("{reason}; version {} stays in use", loaded.version))
        }
        (State::Broken { reason }, None) => Some(reason.clone()),
        (State::Active | State::Disabled, _) => None,
    }
}
