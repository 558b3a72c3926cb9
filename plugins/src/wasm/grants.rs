//! Which hosts a plugin may reach: those that its manifest asks for, or those
//! that the operator lists instead.

use std::collections::BTreeMap;

use url::Url;

/// What happens to a plugin that the operator says nothing of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Grant {
    /// It gets the hosts that its manifest asks for: who drops it into the
    /// folder has read what it wants.
    #[default]
    AsWanted,
    /// It gets none.
    Listed,
}

/// What the operator says of one plugin.
#[derive(Debug, Clone, Default)]
pub struct Each {
    /// The hosts that it gets, whatever its manifest asks for.
    pub hosts: Option<Vec<String>>,
    /// Its settings.
    pub settings: toml::Table,
}

impl Each {
    /// The settings as a guest reads them.
    pub(super) fn texts(&self) -> BTreeMap<String, String> {
        let text = |value: &toml::Value| match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Array(_) | toml::Value::Table(_) => {
                serde_json::to_string(value).unwrap_or_default()
            }
            other => other.to_string(),
        };
        self.settings.iter().map(|(key, value)| (key.clone(), text(value))).collect()
    }
}

/// Patterns of hosts: `example.org`, `*.example.org`, `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GrantedHosts(pub Vec<String>);

impl GrantedHosts {
    /// What a plugin gets that wants these.
    pub fn granted(wanted: &[String], each: Option<&Each>, grant: Grant) -> GrantedHosts {
        match (each.and_then(|each| each.hosts.as_ref()), grant) {
            (Some(hosts), _) => GrantedHosts(hosts.clone()),
            (None, Grant::AsWanted) => GrantedHosts(wanted.to_vec()),
            (None, Grant::Listed) => GrantedHosts(Vec::new()),
        }
    }

    /// Whether this address is of one of them.
    pub fn permit(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        let fits = |pattern: &String| match pattern.strip_prefix("*.") {
            Some(above) => host.strip_suffix(above).is_some_and(|below| {
                below.strip_suffix('.').is_some_and(|below| !below.is_empty())
            }),
            None => pattern == "*" || pattern == host,
        };
        !host.is_empty() && self.0.iter().any(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(pattern: &str, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| GrantedHosts(vec![pattern.to_owned()]).permit(&url))
    }

    #[test]
    fn patterns_mean_what_they_say() {
        assert!(permits("a.example", "https://a.example/x"));
        assert!(permits("a.example", "https://A.EXAMPLE.:8443/x"));
        assert!(!permits("a.example", "https://b.a.example/"));
        assert!(permits("*.a.example", "https://b.a.example/"));
        assert!(permits("*.a.example", "https://c.b.a.example/"));
        for no in ["https://a.example/", "https://ba.example/", "https://a.example.evil.example/"] {
            assert!(!permits("*.a.example", no), "{no}");
        }
        assert!(permits("*", "http://127.0.0.1/") && permits("127.0.0.1", "http://127.1/"));
        assert!(permits("[::1]", "http://[::1]:8080/") && !permits("[::1]", "http://[::2]/"));
    }

    #[test]
    fn the_operator_has_the_last_word() {
        let wanted = ["a.example".to_owned()];
        let each = Each { hosts: Some(vec!["b.example".to_owned()]), ..Each::default() };
        let granted = |each, grant| GrantedHosts::granted(&wanted, each, grant).0;
        assert_eq!(granted(None, Grant::AsWanted), ["a.example"]);
        assert!(granted(None, Grant::Listed).is_empty());
        assert_eq!(granted(Some(&each), Grant::Listed), ["b.example"]);
        assert_eq!(granted(Some(&each), Grant::AsWanted), ["b.example"]);
    }

    #[test]
    fn settings_are_texts() {
        let settings = "a = 'x'\nb = 7\nc = true\nd = ['p', 'q']\n[e]\nf = 1\n";
        let each = Each { settings: settings.parse().unwrap_or_default(), ..Each::default() };
        let texts = each.texts();
        let all: Vec<_> = texts.iter().map(|(key, text)| format!("{key}={text}")).collect();
        assert_eq!(all, ["a=x", "b=7", "c=true", "d=[\"p\",\"q\"]", "e={\"f\":1}"]);
    }
}
