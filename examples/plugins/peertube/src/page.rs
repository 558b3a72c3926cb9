//! Addresses of pages.

use clipmill_plugin::address::Address;

/// A page that shows a video.
#[derive(Debug, PartialEq)]
pub struct Page {
    /// Where the instance is: scheme, host and port.
    pub origin: String,
    pub what: What,
}

#[derive(Debug, PartialEq)]
pub enum What {
    Video(String),
    Playlist {
        id: String,
        /// Counts from 1.
        position: u32,
    },
}

impl Page {
    /// `/w/ID`, `/videos/watch/ID`, `/w/p/ID` and `/videos/watch/playlist/ID`
    /// on one of the instances; on any host when there are none given.
    pub fn parse(url: &str, instances: Option<&[String]>) -> Option<Page> {
        let address = Address::parse(url)?;
        let segments = address.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (id, is_playlist) = match segments[..] {
            ["w", "p", id] | ["videos", "watch", "playlist", id] => (id, true),
            ["w", id] | ["videos", "watch", id] => (id, false),
            _ => return None,
        };
        let is_known = match instances {
            Some(hosts) => {
                let is_here = |host: &String| host == address.host || host == address.authority;
                hosts.iter().any(is_here) && is_plain(id)
            }
            None => is_uuid(id) || is_short_uuid(id),
        };
        if !is_known {
            return None;
        }
        let what = if is_playlist {
            let position = address.parameter("playlistPosition");
            let position = position.map_or(Some(1), |text| text.parse().ok().filter(|n| *n > 0))?;
            What::Playlist { id: id.into(), position }
        } else {
            What::Video(id.into())
        };
        Some(Page { origin: address.origin(), what })
    }

    /// What it is remembered under.
    pub fn key(&self) -> String {
        match &self.what {
            What::Video(id) => format!("{} {id}", self.origin),
            What::Playlist { id, position } => format!("{} {id} {position}", self.origin),
        }
    }
}

fn is_plain(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

fn is_uuid(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(n, b)| match n {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// A UUID in base 58.
fn is_short_uuid(id: &str) -> bool {
    (20..=22).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() && !b"0OIl".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: &str = "5FmpvvTLUTrcsMKH9KfbGP";
    const LONG: &str = "2b3f6c1e-9f4a-4b6e-8a59-0c9b6a3d1f00";

    fn video(url: &str, instances: Option<&[String]>) -> Option<String> {
        match Page::parse(url, instances)?.what {
            What::Video(id) => Some(id),
            What::Playlist { id, position } => Some(format!("{id} {position}")),
        }
    }

    #[test]
    fn the_shape_decides_where_no_instance_is_named() {
        let video = |path: &str| video(&format!("https://tube.example{path}"), None);
        assert_eq!(video(&format!("/w/{SHORT}?start=4s")).as_deref(), Some(SHORT));
        assert_eq!(video(&format!("/videos/watch/{LONG}/")).as_deref(), Some(LONG));
        assert_eq!(video(&format!("/w/p/{SHORT}?playlistPosition=3")), Some(format!("{SHORT} 3")));
        assert_eq!(video(&format!("/videos/watch/playlist/{LONG}")), Some(format!("{LONG} 1")));
        for path in ["/w/index.php", "/w/p", "/w", "/", "/w/abc", "/videos/watch/1", "/watch?v=x"] {
            assert_eq!(video(path), None, "{path}");
        }
        for position in ["0", "-1", "", "x", "99999999999"] {
            assert_eq!(video(&format!("/w/p/{SHORT}?playlistPosition={position}")), None);
        }
    }

    #[test]
    fn named_instances_are_the_only_ones() {
        let named = ["tube.example".to_string(), "127.0.0.1:8080".to_string()];
        assert_eq!(video("https://tube.example/w/7", Some(&named)).as_deref(), Some("7"));
        assert_eq!(video("http://127.0.0.1:8080/w/a-b", Some(&named)).as_deref(), Some("a-b"));
        assert_eq!(video("http://127.0.0.1:8081/w/a-b", Some(&named)), None);
        assert_eq!(video(&format!("https://other.example/w/{SHORT}"), Some(&named)), None);
        assert_eq!(video("https://tube.example/w/index.php", Some(&named)), None);
    }
}
