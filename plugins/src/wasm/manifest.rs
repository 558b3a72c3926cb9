//! What a plugin says of itself before it runs: `NAME.toml`.

use std::fmt;
use std::time::Duration;

use clipmill_core::{Code, Error};
use serde::{Deserialize, Serialize};

use crate::is_name;

/// The one version of the interface that there is, as manifests write it.
pub const API: &str = "0.1";

/// Largest manifest, bytes.
pub(super) const LARGEST: u64 = 64 * 1024;

/// Most host patterns.
const MOST_HOSTS: usize = 64;

/// A manifest, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginManifest {
    /// Name of the plugin: that of its file, and of its source or codec.
    pub name: String,
    /// Version of the plugin, for people; up to 64 characters.
    pub version: String,
    /// Version of the interface, `MAJOR.MINOR` ([`API`]).
    pub api: String,
    /// Which world it implements.
    pub kind: Kind,
    /// What it is for, in one line of up to 200 characters.
    #[serde(default)]
    pub description: String,
    /// What it asks for.
    #[serde(default)]
    pub wants: Wants,
}

/// A world of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// World `source`.
    Source,
    /// World `codec`.
    Codec,
    /// World `frame-codec`.
    FrameCodec,
}

impl fmt::Display for Kind {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Kind::Source => "source",
            Kind::Codec => "codec",
            Kind::FrameCodec => "frame-codec",
        })
    }
}

/// What a plugin asks for. The operator's ceilings and grants bound it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wants {
    /// Hosts that it reaches through the host's HTTP client: `example.org`,
    /// `*.example.org` for all below it, `*` for all public ones.
    pub hosts: Vec<String>,
    /// Memory of one instance, megabytes (2^20 bytes), 1 to 4096.
    pub memory_mb: u32,
    /// Wall-clock time of one call, seconds, 1 to 3600.
    pub seconds: u32,
    /// Largest body of one HTTP response, kilobytes (2^10 bytes), 1 to 65536.
    pub max_body_kb: u32,
}

impl Default for Wants {
    fn default() -> Wants {
        Wants { hosts: Vec::new(), memory_mb: 64, seconds: 30, max_body_kb: 4096 }
    }
}

impl Wants {
    /// Bytes of memory.
    pub fn memory_bytes(&self) -> usize {
        (self.memory_mb as usize).saturating_mul(1024 * 1024)
    }

    /// Time of one call.
    pub fn call(&self) -> Duration {
        Duration::from_secs(u64::from(self.seconds))
    }

    /// Bytes of one HTTP response's body.
    pub fn body_bytes(&self) -> usize {
        (self.max_body_kb as usize).saturating_mul(1024)
    }
}

impl PluginManifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// `bad_manifest`, with everything that is wrong.
    pub fn parse(text: &str) -> Result<PluginManifest, Error> {
        let manifest: PluginManifest = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text.get(..span.start).map_or(1, lines));
            let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            Error::never(Code::BadManifest, format!("the manifest: {place}{}", error.message()))
        })?;
        let problems = manifest.problems();
        match problems.is_empty() {
            true => Ok(manifest),
            false => {
                let problems = problems.join("; ");
                Err(Error::never(Code::BadManifest, format!("the manifest: {problems}")))
            }
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !is_name(&self.name) {
            problems.push(format!("name {:?} is not 1 to 32 of a-z, 0-9 and _", self.name));
        }
        if !is_line(&self.version, 64) || self.version.is_empty() {
            problems.push("version is not a line of 1 to 64 characters".to_owned());
        }
        if !is_line(&self.description, 200) {
            problems.push("description is not a line of up to 200 characters".to_owned());
        }
        if self.api != API {
            problems.push(format!(
                "api is {:?}, and this clipmill has {API:?}: build the plugin for that, or update \
                 clipmill",
                self.api
            ));
        }
        let wants = &self.wants;
        if wants.hosts.len() > MOST_HOSTS {
            problems.push(format!("wants.hosts has more than {MOST_HOSTS} entries"));
        }
        for host in wants.hosts.iter().filter(|host| !is_host_pattern(host)) {
            problems.push(format!(
                "wants.hosts: {host:?} is none of \"example.org\", \"*.example.org\", \"*\""
            ));
        }
        if self.kind != Kind::Source && !wants.hosts.is_empty() {
            problems.push(format!("wants.hosts: a {} reaches no hosts", self.kind));
        }
        for (name, value, most) in [
            ("memory_mb", wants.memory_mb, 4096),
            ("seconds", wants.seconds, 3600),
            ("max_body_kb", wants.max_body_kb, 65536),
        ] {
            if !(1..=most).contains(&value) {
                problems.push(format!("wants.{name} is {value}, and may be 1 to {most}"));
            }
        }
        problems
    }
}

fn lines(text: &str) -> usize {
    text.matches('\n').count() + 1
}

fn is_line(text: &str, most: usize) -> bool {
    text.chars().count() <= most && !text.chars().any(char::is_control)
}

/// Whether this is `example.org`, `*.example.org`, an address, or `*`.
pub fn is_host_pattern(pattern: &str) -> bool {
    let host = pattern.strip_prefix("*.").unwrap_or(pattern);
    pattern == "*"
        || (!host.is_empty()
            && host.len() <= 253
            && !host.contains('*')
            && url::Host::parse(host).is_ok_and(|parsed| parsed.to_string() == host))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = 'tube'\nversion = '1.2'\napi = '0.1'\nkind = 'source'\n";

    #[test]
    fn a_short_manifest_has_defaults() {
        let manifest = PluginManifest::parse(GOOD).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((manifest.wants.memory_mb, manifest.wants.seconds), (64, 30));
        assert_eq!(manifest.kind, Kind::Source);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let text = "name = '../x'\nversion = ''\napi = '9.0'\nkind = 'codec'\n[wants]\n\
                    hosts = ['http://a.example/', 'a.example']\nmemory_mb = 0\nseconds = 99999\n";
        let told = PluginManifest::parse(text).map_err(|error| error.to_string());
        let told = told.err().unwrap_or_default();
        for part in
            ["../x", "version", "9.0", "http://a.example/", "reaches no", "memory_mb", "99999"]
        {
            assert!(told.contains(part), "{part} is not in {told}");
        }
    }

    #[test]
    fn unknown_keys_and_broken_toml_name_their_line() {
        for (text, part) in [
            (format!("{GOOD}colour = 'red'\n"), "line 5: unknown field"),
            (format!("{GOOD}[wants\n"), "line 5"),
            (GOOD.replace("source", "sauce"), "line 4"),
        ] {
            let told = PluginManifest::parse(&text).map_err(|error| error.to_string());
            assert!(told.as_ref().is_err_and(|told| told.contains(part)), "{told:?}");
        }
    }

    #[test]
    fn host_patterns() {
        for good in ["*", "a.example", "*.a.example", "127.0.0.1", "xn--bcher-kva.example"] {
            assert!(is_host_pattern(good), "{good}");
        }
        for bad in ["", "*.", "*.*", "a.*", "a.example:80", "A.example", "http://a", "a/b", "a b"] {
            assert!(!is_host_pattern(bad), "{bad}");
        }
    }
}
