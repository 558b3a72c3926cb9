//! Small files that came a moment ago.
//!
//! The caller that finds out what is at an address leaves the list that is there to
//! the caller that reads it next, so that it is requested once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use url::Url;

use crate::lock;

/// How long a file is kept: less than a client waits before asking again for a
/// list that grows.
const LATELY: Duration = Duration::from_millis(400);
/// Most files.
const MOST: usize = 64;
/// Most bytes of all files.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// A whole small file.
#[derive(Debug, Clone)]
pub struct Text {
    /// What is in it.
    pub bytes: Bytes,
    /// The address that answered, after redirects.
    pub url: Url,
}

/// What came last.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent {
    /// The oldest first.
    kept: Arc<Mutex<VecDeque<Kept>>>,
}

#[derive(Debug)]
struct Kept {
    url: Url,
    headers: BTreeMap<String, String>,
    came: Instant,
    text: Text,
}

impl Recent {
    /// The latest answer to this very request, which is not kept any longer.
    pub fn take_recent(&self, url: &Url, headers: &BTreeMap<String, String>) -> Option<Text> {
        let mut kept = self.lately();
        let found = kept.iter().position(|kept| kept.url == *url && kept.headers == *headers)?;
        kept.remove(found).map(|kept| kept.text)
    }

    /// Keeps what has come.
    pub fn keep(&self, url: &Url, headers: &BTreeMap<String, String>, text: Text) {
        let (url, headers) = (url.clone(), headers.clone());
        let mut kept = self.lately();
        kept.retain(|kept| kept.url != url || kept.headers != headers);
        kept.push_back(Kept { url, headers, came: Instant::now(), text });
        let bytes = |kept: &VecDeque<Kept>| -> usize {
            kept.iter().map(|kept| kept.text.bytes.len()).sum()
        };
        while kept.len() > MOST || bytes(&kept) > MOST_BYTES {
            kept.pop_front();
        }
    }

    fn lately(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        let mut kept = lock(&self.kept);
        kept.retain(|kept| kept.came.elapsed() < LATELY);
        kept
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_latest_answer_to_the_same_request_is_there_once_and_for_a_moment() {
        let recent = Recent::default();
        let url = Url::parse("https://a.example/list").unwrap();
        let none = BTreeMap::new();
        let some = BTreeMap::from([("cookie".to_owned(), "a".to_owned())]);
        for bytes in ["old", "new"] {
            let text = Text { bytes: Bytes::from_static(bytes.as_bytes()), url: url.clone() };
            recent.keep(&url, &none, text);
        }
        assert!(recent.take_recent(&url, &some).is_none());
        assert!(recent.take_recent(&url.join("other").unwrap(), &none).is_none());
        assert_eq!(recent.take_recent(&url, &none).unwrap().bytes, "new");
        assert!(recent.take_recent(&url, &none).is_none());
        recent.keep(&url, &none, Text { bytes: Bytes::new(), url: url.clone() });
        std::thread::sleep(LATELY);
        assert!(recent.take_recent(&url, &none).is_none());
    }

    #[test]
    fn little_is_kept() {
        let recent = Recent::default();
        let (url, none) = (Url::parse("https://a.example/list").unwrap(), BTreeMap::new());
        for (length, files) in [(1, 100), (MOST_BYTES / 2, 3), (MOST_BYTES + 1, 1)] {
            for _ in 0..files {
                let text = Text { bytes: vec![0; length].into(), url: url.clone() };
                recent.keep(&url, &none, text);
            }
            let kept = recent.lately();
            let bytes: usize = kept.iter().map(|kept| kept.text.bytes.len()).sum();
            assert!(kept.len() <= MOST && bytes <= MOST_BYTES);
        }
    }
}
