//! Taking addresses apart and putting them together.
//!
//! The host hands over addresses that are parsed and normalised already, so a
//! few splits do, and a whole URL library would only make a plugin larger.

/// The parts of an `http` or `https` address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host, with the port if there is one that is not the scheme's own.
    pub authority: &'a str,
    /// Host without port: lower case, an IPv6 address in brackets.
    pub host: &'a str,
    /// Path, with the leading slash, percent-encoded as it came.
    pub path: &'a str,
    /// What is after the question mark, percent-encoded; may be empty.
    pub query: &'a str,
}

impl<'a> Address<'a> {
    /// None for other schemes, and for addresses with a user name or password.
    pub fn parse(url: &'a str) -> Option<Address<'a>> {
        let (scheme, rest) = url.split_once("://")?;
        if !matches!(scheme, "http" | "https") {
            return None;
        }
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = match before.find('/') {
            Some(slash) => before.split_at(slash),
            None => (before, "/"),
        };
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => authority,
        };
        (!host.is_empty() && !authority.contains('@')).then_some(Address {
            scheme,
            authority,
            host,
            path,
            query,
        })
    }

    /// Scheme and authority: what is before the path.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// The parts of the path between slashes, percent-decoded; empty ones are
    /// left out.
    pub fn segments(&self) -> Vec<String> {
        self.path.split('/').filter(|part| !part.is_empty()).map(decode).collect()
    }

    /// The first value of a query parameter, percent-decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key) == name).then(|| decode(&value.replace('+', " ")))
        })
    }
}

/// Percent-encodes text so that it can be one path segment or one query value.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Undoes percent-encoding; what is not UTF-8 is replaced.
pub fn decode(text: &str) -> String {
    let digit = |at: Option<&u8>| at.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_parts() {
        let it = Address::parse("https://a.example:81/w/p/x%20y//z?n=2&q=a+b%26&flag#top");
        let it = it.expect("an address");
        assert_eq!((it.scheme, it.authority, it.host), ("https", "a.example:81", "a.example"));
        assert_eq!(it.origin(), "https://a.example:81");
        assert_eq!(it.segments(), ["w", "p", "x y", "z"]);
        assert_eq!(it.parameter("q").as_deref(), Some("a b&"));
        assert_eq!(it.parameter("flag").as_deref(), Some(""));
        assert_eq!(it.parameter("m"), None);
    }

    #[test]
    fn hosts_are_found_in_odd_addresses() {
        let host = |url| Address::parse(url).map(|it| (it.host, it.path));
        assert_eq!(host("http://[::1]:99/"), Some(("[::1]", "/")));
        assert_eq!(host("http://[::1]"), Some(("[::1]", "/")));
        assert_eq!(host("http://a.example?x=/"), Some(("a.example", "/")));
        assert_eq!(host("https://user:password@a.example/"), None);
        assert_eq!(host("ftp://a.example/x"), None);
        assert_eq!(host("https:///x"), None);
        assert_eq!(host("data:text/plain,hello"), None);
    }

    #[test]
    fn encoding_survives_both_ways() {
        for text in ["", "a b", "%", "ü/?&=#", "100%", "%4", "😀"] {
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(decode("%zz%4"), "%zz%4");
        assert_eq!(decode("%ff"), "\u{fffd}");
        assert_eq!(encode("a/b c"), "a%2Fb%20c");
    }
}
