//! What the operator set for this plugin in config.toml, under
//! `[plugins.NAME.settings]`.

/// The value of a key, if it is set: text as it is, numbers and booleans in
/// TOML's spelling, arrays and tables as JSON.
pub fn get(key: &str) -> Option<String> {
    crate::bindings::clipmill::plugin::settings::get(key)
}

/// The value of a key as a number, a boolean or the like; none when it is not
/// set or is something else.
pub fn parse<T: std::str::FromStr>(key: &str) -> Option<T> {
    get(key)?.parse().ok()
}
