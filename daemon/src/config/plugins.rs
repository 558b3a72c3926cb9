//! `[plugins]`: where plugins are, their order, and what each of them may do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use clipmill_plugins::is_name;
use clipmill_plugins::wasm::is_host_pattern;
use serde::{Deserialize, Serialize, Serializer};
use toml::Value;

use super::Folders;

/// Names of the section's own settings. Whatever else is in it is a plugin's.
const SETTINGS: &[&str] =
    &["folder", "watch", "order", "disable", "grant", "max_memory_mb", "max_seconds"];

/// The sources and codecs that come with clipmill.
pub const BUILT_IN: &[&str] = &["ytdlp", "http", "h264", "h265", "av1", "vp9"];

/// `[plugins]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct PluginsConfig {
    /// Where plugins are dropped; `data`/plugins when absent.
    pub folder: Option<PathBuf>,
    /// Whether a running daemon follows changes of the folder.
    pub watch: bool,
    /// Names of sources and codecs that come before all others, in this order.
    pub order: Vec<String>,
    /// Names of sources and codecs that are never used.
    pub disable: Vec<String>,
    /// What a plugin without `hosts` of its own may reach.
    pub grant: Granted,
    /// The most memory that one call of a plugin gets, megabytes (2^20 bytes),
    /// whatever it asks for.
    pub max_memory_mb: u32,
    /// The longest that one call of a plugin may take, seconds, whatever it
    /// asks for.
    pub max_seconds: u32,
    /// `[plugins.NAME]`, by the plugin's name. An unknown key of the section
    /// is found here too, and is no table.
    #[serde(flatten)]
    pub each: BTreeMap<String, PluginConfig>,
}

impl Default for PluginsConfig {
    fn default() -> PluginsConfig {
        PluginsConfig {
            folder: None,
            watch: true,
            order: Vec::new(),
            disable: Vec::new(),
            grant: Granted::AsWanted,
            max_memory_mb: 256,
            max_seconds: 60,
            each: BTreeMap::new(),
        }
    }
}

/// What a plugin without `hosts` of its own may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Granted {
    /// The hosts that it asks for.
    AsWanted,
    /// Nothing.
    Listed,
}

/// `[plugins.NAME]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "the table [plugins.NAME] of a plugin, or one of folder, watch, order, disable, \
                 grant, max_memory_mb, max_seconds"
)]
pub struct PluginConfig {
    /// Hosts that it may reach, in place of those that it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,
    /// Its own settings, as it documents them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Setting>,
}

/// A plugin's own setting: anything, perhaps a secret, so it is never printed.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Setting(Value);

impl Setting {
    /// The value itself; never log it.
    pub fn reveal(&self) -> &Value {
        &self.0
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("<secret>")
    }
}

impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str("<secret>")
    }
}

impl PluginsConfig {
    /// Where plugins are dropped.
    pub fn folder(&self, folders: &Folders) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| folders.data.join("plugins"))
    }

    /// Whether `key` of the section is a plugin's table.
    pub(super) fn is_name(key: &str) -> bool {
        !SETTINGS.contains(&key)
    }

    /// Where the variable `CLIPMILL_PLUGINS_REST` belongs below the section:
    /// `KEY`, `NAME_HOSTS` or `NAME_SETTINGS_KEY`, all in small letters.
    pub(super) fn place(rest: &str) -> Vec<String> {
        let own = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
        if !PluginsConfig::is_name(rest) {
            return own(&[rest]);
        }
        if let Some((name, key)) = rest.split_once("_settings_") {
            return own(&[name, "settings", key]);
        }
        match rest.strip_suffix("_hosts") {
            Some(name) => own(&[name, "hosts"]),
            None => own(&[rest]),
        }
    }

    /// Reports what is wrong to `rule`.
    pub(super) fn check(&self, rule: &mut impl FnMut(bool, &str)) {
        rule((1..=4096).contains(&self.max_memory_mb), "plugins.max_memory_mb: must be 1 to 4096");
        rule((1..=3600).contains(&self.max_seconds), "plugins.max_seconds: must be 1 to 3600");
        for (key, names) in [("order", &self.order), ("disable", &self.disable)] {
            let mut seen = BTreeSet::new();
            for name in names {
                rule(
                    is_name(name),
                    &format!("plugins.{key}: `{name}` is no name of a source or codec"),
                );
                rule(seen.insert(name), &format!("plugins.{key}: `{name}` is there twice"));
            }
        }
        for (name, plugin) in &self.each {
            rule(
                is_name(name),
                &format!(
                    "plugins.{name}: the name of a plugin has 1 to 32 of a-z, 0-9 and underscore"
                ),
            );
            rule(
                !BUILT_IN.contains(&name.as_str()),
                &format!("plugins.{name}: is built in and no plugin; its settings are elsewhere"),
            );
            for host in plugin.hosts.iter().flatten() {
                rule(
                    is_host_pattern(host),
                    &format!(
                        "plugins.{name}.hosts: `{host}` must be a host in small letters without scheme, \
                         port and path (video.example.org), *. and a domain for all below it, or *"
                    ),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clipmill_plugins::builtin;

    #[test]
    fn the_built_in_names_are_those_of_the_handlers() {
        let client = clipmill_core::net::Client::new(Default::default()).unwrap();
        let ytdlp = builtin::ytdlp::YtDlpSettings::new("yt-dlp", client.clone());
        let settings = builtin::BuiltinSettings { ytdlp: Some(ytdlp), http: Some(client) };
        let names: Vec<_> = builtin::handlers(settings).iter().map(|each| each.name()).collect();
        assert_eq!(names, BUILT_IN);
    }

    #[test]
    fn variables_reach_the_section_and_single_plugins() {
        for (rest, place) in [
            ("max_memory_mb", vec!["max_memory_mb"]),
            ("my_site_hosts", vec!["my_site", "hosts"]),
            ("my_site_settings_api_key", vec!["my_site", "settings", "api_key"]),
            ("wach", vec!["wach"]),
        ] {
            assert_eq!(PluginsConfig::place(rest), place, "{rest}");
        }
    }
}
