//! Attribute lists (RFC 8216, 4.2): `NAME=VALUE,NAME="VALUE, WITH COMMA"`.

/// The attributes of one tag.
pub(super) struct Attributes<'a>(Vec<(&'a str, &'a str)>);

/// Most attributes of one tag.
const ATTRIBUTES: usize = 100;

impl<'a> Attributes<'a> {
    /// Reads as many as can be read.
    pub fn parse(mut text: &'a str) -> Attributes<'a> {
        let mut list = Vec::new();
        while let Some((name, rest)) = text.split_once('=')
            && list.len() < ATTRIBUTES
        {
            let (value, rest) = match rest.strip_prefix('"') {
                Some(quoted) => match quoted.split_once('"') {
                    Some((value, rest)) => (value, rest.split_once(',').map_or("", |(_, r)| r)),
                    None => break,
                },
                None => rest.split_once(',').unwrap_or((rest, "")),
            };
            list.push((name.trim(), value.trim()));
            text = rest;
        }
        Attributes(list)
    }

    /// The first one of this name.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// A value that can be read as such.
    pub fn parse_value<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// Whether it is `YES`.
    pub fn is_yes(&self, name: &str) -> bool {
        self.get(name) == Some("YES")
    }
}
