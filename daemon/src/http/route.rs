//! All endpoints of one path.

use http::Method;

use super::endpoint::{Endpoint, LogLevel, value_count};

/// A path and what it serves.
pub struct Route {
    /// The path with names in the place of values (`{video_id}`).
    pub path: String,
    /// The methods that it takes, as the `Allow` header lists them.
    pub allow: String,
    endpoints: Vec<Endpoint>,
}

impl Route {
    /// Joins endpoints of the same path. Paths with fewer values come first, so
    /// that `/api/video/{video_id}` does not hide `/api/video/list`.
    pub fn group(endpoints: Vec<Endpoint>) -> Vec<Route> {
        let mut routes: Vec<Route> = Vec::new();
        for endpoint in endpoints {
            match routes.iter_mut().find(|route| route.path == endpoint.path) {
                Some(route) => route.add(endpoint),
                None => {
                    let path = endpoint.path.clone();
                    let mut route = Route { path, allow: String::new(), endpoints: Vec::new() };
                    route.add(endpoint);
                    routes.push(route);
                }
            }
        }
        routes.sort_by_key(|route| value_count(&route.path));
        routes
    }

    fn add(&mut self, endpoint: Endpoint) {
        let head = endpoint.takes_head.then_some("HEAD");
        for method in std::iter::once(endpoint.method.as_str()).chain(head) {
            let comma = if self.allow.is_empty() { "" } else { ", " };
            self.allow.push_str(comma);
            self.allow.push_str(method);
        }
        self.endpoints.push(endpoint);
    }

    /// The endpoint that takes this method.
    pub fn endpoint(&self, method: &Method) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| {
            endpoint.method == method || endpoint.takes_head && method == Method::HEAD
        })
    }

    /// At what level successes are logged.
    pub fn log_level(&self) -> LogLevel {
        self.endpoints.first().map_or(LogLevel::Info, |endpoint| endpoint.log)
    }

    /// The values in a path that fits this one, with or without a slash at its
    /// end.
    ///
    /// This is not left to warp's own path filters because they write what
    /// they compare to their log, and a part of a path may be a token.
    pub fn values(&self, path: &str) -> Option<Vec<String>> {
        path_values(&self.path, path)
    }
}

fn path_values(pattern: &str, path: &str) -> Option<Vec<String>> {
    let mut given = path.strip_suffix('/').unwrap_or(path).split('/');
    let mut values = Vec::new();
    for expected in pattern.trim_end_matches('/').split('/') {
        let given = given.next()?;
        if expected.starts_with('{') && !given.is_empty() {
            values.push(given.to_owned());
        } else if expected != given {
            return None;
        }
    }
    given.next().is_none().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_the_values_of_a_path() {
        let pattern = "/stream/{token}/{video_id}";
        let values = Some(vec!["a.b".to_owned(), "c%2F".to_owned()]);
        assert_eq!(path_values(pattern, "/stream/a.b/c%2F"), values);
        assert_eq!(path_values(pattern, "/stream/a.b/c%2F/"), values);
        for path in
            ["/stream/a", "/stream/a/", "/stream//b", "/stream/a/b/c", "/other/a/b", "", "/"]
        {
            assert_eq!(path_values(pattern, path), None, "{path}");
        }
        let fits = |pattern, path| path_values(pattern, path).is_some();
        assert!(fits("/", "/") && fits("/", "") && !fits("/", "/a") && !fits("/", "//"));
    }
}
