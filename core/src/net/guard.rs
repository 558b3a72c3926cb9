//! Which addresses may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::{Host, Url};

use super::error;
use crate::{Code, Error};

/// Decides over addresses: public ones, and those that the operator opened.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allow: Vec<IpNet>,
}

impl Guard {
    /// A guard that permits public addresses and these networks.
    pub fn new(allow: Vec<IpNet>) -> Guard {
        Guard { allow }
    }

    /// Whether this address may be connected to. An IPv4 address in IPv6
    /// clothes is permitted only where a network of `allow` holds it.
    pub fn permits(&self, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        self.allow.iter().any(|net| net.contains(&address) || net.contains(&plain))
            || is_public(address)
    }

    /// [`check_url`], and for a host that is an address whether it is permitted.
    ///
    /// # Errors
    /// `unsupported_url` or `address_refused`.
    pub fn check(&self, url: &Url) -> Result<(), Error> {
        check_url(url)?;
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            // The addresses of a name are judged when it is resolved.
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        if self.permits(address) {
            Ok(())
        } else {
            Err(error::refused(url.host_str().unwrap_or("the host")))
        }
    }
}

/// What an address itself shows, before any name is resolved: HTTP or HTTPS, with
/// a host, without a user name or password.
///
/// # Errors
/// `unsupported_url`.
pub fn check_url(url: &Url) -> Result<(), Error> {
    let problem = if !matches!(url.scheme(), "http" | "https") {
        "only http and https addresses can be fetched"
    } else if url.host_str().is_none_or(str::is_empty) {
        "the address has no host"
    } else if !url.username().is_empty() || url.password().is_some() {
        "an address with a user name or password in it is not fetched"
    } else {
        return Ok(());
    };
    Err(Error::never(Code::UnsupportedUrl, problem))
}

/// Whether an address belongs to the public Internet, by the IANA
/// special-purpose address registries (RFC 6890, RFC 8190).
///
/// An IPv4 address inside an IPv6 one (mapped, compatible, translated, 6to4,
/// Teredo) is never public: a name that resolves to such a thing has no honest
/// use, and it would pass a check for IPv4 ranges.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let refused = match address.octets() {
        // RFC 791 "this network", RFC 1918 private, RFC 1122 loopback.
        [0 | 10 | 127, ..] => true,
        // RFC 6598 shared address space of carrier-grade NAT.
        [100, b, ..] => b & 0xc0 == 64,
        // RFC 3927 link-local, with the metadata services of clouds.
        [169, 254, ..] => true,
        // RFC 1918.
        [172, b, ..] => b & 0xf0 == 16,
        [192, 168, ..] => true,
        // RFC 6890 protocol assignments, RFC 5737 documentation.
        [192, 0, 0 | 2, _] => true,
        // RFC 7526 the old 6to4 relays.
        [192, 88, 99, _] => true,
        // RFC 2544 benchmarking.
        [198, 18 | 19, ..] => true,
        // RFC 5737 documentation.
        [198, 51, 100, _] | [203, 0, 113, _] => true,
        // RFC 5771 multicast, RFC 1112 reserved, RFC 919 broadcast.
        [a, ..] => a >= 224,
    };
    !refused
}

/// Only 2000::/3 is given out as global unicast (RFC 4291), so everything else
/// is refused without a list: unspecified and loopback, IPv4-mapped and
/// -compatible (RFC 4291), NAT64 `64:ff9b::/96` and `64:ff9b:1::/48` (RFC 6052,
/// RFC 8215), discard `100::/64` (RFC 6666), segment routing `5f00::/16`
/// (RFC 9602), unique local `fc00::/7` (RFC 4193), link-local `fe80::/10`,
/// site-local `fec0::/10` (RFC 3879) and multicast `ff00::/8`.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let global = address.segments()[0] & 0xe000 == 0x2000;
    let special = match address.segments() {
        // RFC 2928 protocol assignments 2001::/23: Teredo (RFC 4380), benchmarking
        // (RFC 5180), ORCHID (RFC 4843, RFC 7343), drone tags (RFC 9374).
        [0x2001, b, ..] if b & 0xfe00 == 0 => true,
        // RFC 3849 and RFC 9637 documentation.
        [0x2001, 0x0db8, ..] => true,
        [0x3fff, b, ..] => b & 0xf000 == 0,
        // RFC 3056 6to4; RFC 3701 the returned test network.
        [0x2002 | 0x3ffe, ..] => true,
        _ => false,
    };
    global && !special
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_pass() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.1.1",
            "198.17.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::200e",
            "2001:4860::8888",
            "2001:200::1",
        ] {
            assert!(public(text), "{text}");
        }
    }

    #[test]
    fn special_addresses_are_refused() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "3ffe::1",
            "5f00::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!public(text), "{text}");
        }
    }

    #[test]
    fn every_spelling_of_a_literal_is_judged() {
        let guard = Guard::default();
        let open = Guard::new(vec!["127.0.0.0/8".parse().unwrap()]);
        for host in [
            "127.0.0.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "127.0.0.1.",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
        ] {
            let url = Url::parse(&format!("http://{host}/x")).unwrap();
            assert_eq!(guard.check(&url).unwrap_err().code, Code::AddressRefused, "{host}");
            assert_eq!(open.check(&url), Ok(()), "{host}");
        }
        let loopback = Url::parse("http://[::1]/").unwrap();
        assert_eq!(open.check(&loopback).unwrap_err().code, Code::AddressRefused);
    }

    #[test]
    fn other_schemes_and_credentials_are_refused() {
        for text in ["ftp://a.example/x", "file:///etc/passwd", "data:text/plain,x"] {
            assert_eq!(
                check_url(&Url::parse(text).unwrap()).unwrap_err().code,
                Code::UnsupportedUrl
            );
        }
        for text in ["http://me@a.example/", "https://me:pw@a.example/", "http://:pw@a.example/"] {
            assert_eq!(
                check_url(&Url::parse(text).unwrap()).unwrap_err().code,
                Code::UnsupportedUrl
            );
        }
        assert_eq!(check_url(&Url::parse("https://a.example:8443/x?y").unwrap()), Ok(()));
    }
}
