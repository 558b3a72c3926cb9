//! What the server has seen: for tests that count requests, ranges and bytes.

use std::collections::BTreeMap;
use std::time::Instant;

use http::HeaderMap;

/// Counts of one path, or of several summed.
#[derive(Debug, Clone, Default)]
pub struct PathStats {
    /// Every request in the order of arrival.
    pub requests: Vec<Seen>,
    /// Bytes of bodies handed to the connections.
    pub bytes_sent: u64,
    /// The most bodies that were under way at the same time; over several paths the sum of each
    /// path's own most.
    pub most_at_once: usize,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Seen {
    /// When it came.
    pub at: Instant,
    /// `GET` or `HEAD`, or whatever came.
    pub method: String,
    /// Path and query as they came.
    pub target: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// All its headers.
    pub headers: HeaderMap,
    /// The status that it was answered with.
    pub status: u16,
}

impl PathStats {
    /// How many requests came.
    pub fn count(&self) -> usize {
        self.requests.len()
    }

    /// The `Range` headers in the order of arrival; requests without one are left out.
    pub fn ranges(&self) -> Vec<&str> {
        self.requests.iter().filter_map(|seen| seen.range.as_deref()).collect()
    }
}

/// Everything that was counted.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Connections that were accepted.
    pub(super) connections: usize,
    requests: Vec<(String, Seen)>,
    bodies: BTreeMap<String, Bodies>,
}

#[derive(Debug, Default)]
struct Bodies {
    bytes_sent: u64,
    under_way: usize,
    most_at_once: usize,
}

impl Ledger {
    pub(super) fn saw(&mut self, path: &str, seen: Seen) {
        self.requests.push((path.to_owned(), seen));
    }

    pub(super) fn began(&mut self, path: &str) {
        let bodies = self.bodies(path);
        bodies.under_way += 1;
        bodies.most_at_once = bodies.most_at_once.max(bodies.under_way);
    }

    pub(super) fn ended(&mut self, path: &str) {
        let bodies = self.bodies(path);
        bodies.under_way = bodies.under_way.saturating_sub(1);
    }

    pub(super) fn under_way(&self, path: &str) -> usize {
        self.bodies.get(path).map_or(0, |bodies| bodies.under_way)
    }

    pub(super) fn sent(&mut self, path: &str, bytes: usize) {
        self.bodies(path).bytes_sent += bytes as u64;
    }

    /// Bodies under way stay known, so that their end is not counted against later ones.
    pub(super) fn reset(&mut self) {
        self.requests.clear();
        self.connections = 0;
        for bodies in self.bodies.values_mut() {
            bodies.bytes_sent = 0;
            bodies.most_at_once = bodies.under_way;
        }
    }

    pub(super) fn sum(&self, fits: impl Fn(&str) -> bool) -> PathStats {
        let requests = self.requests.iter().filter(|(path, _)| fits(path));
        let mut sum = PathStats {
            requests: requests.map(|(_, seen)| seen.clone()).collect(),
            ..PathStats::default()
        };
        for (_, bodies) in self.bodies.iter().filter(|(path, _)| fits(path)) {
            sum.bytes_sent += bodies.bytes_sent;
            sum.most_at_once += bodies.most_at_once;
        }
        sum
    }

    fn bodies(&mut self, path: &str) -> &mut Bodies {
        self.bodies.entry(path.to_owned()).or_default()
    }
}
