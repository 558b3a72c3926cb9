//! Videos on example.org: https://example.org/videos/ID.

use clipmill_plugin::address::{Address, encode};
use clipmill_plugin::{
    Container, Format, MediaInfo, ResolveOptions, Source, SourceError, http, log,
};

struct Example;

impl Source for Example {
    fn claims(url: &str) -> bool {
        video_id(url).is_some()
    }

    fn resolve(url: &str, _: ResolveOptions) -> Result<MediaInfo, SourceError> {
        let id = video_id(url).ok_or_else(|| SourceError::unsupported("this is no video"))?;
        // The answer is the address of the file, and nothing else.
        let api = format!("https://example.org/api/videos/{}/file", encode(&id));
        let file = http::get(api)?.ok()?.text().trim().to_string();
        if !file.starts_with("https://") {
            return Err(SourceError::nonsense("the site's answer is no address"));
        }
        log!("{id} is at {file}");
        Ok(MediaInfo::new(id).with_format(Format::progressive("file", Container::Mp4, file)))
    }
}

/// The id in `https://example.org/videos/ID`.
fn video_id(url: &str) -> Option<String> {
    let address = Address::parse(url).filter(|address| address.host == "example.org")?;
    match &address.segments()[..] {
        [videos, id] if videos == "videos" => Some(id.clone()),
        _ => None,
    }
}

clipmill_plugin::export!(Example);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn videos_are_claimed_and_nothing_else() {
        assert_eq!(
            video_id("https://example.org/videos/7?t=1").as_deref(),
            Some("7")
        );
        for url in [
            "https://example.org/videos/",
            "https://example.com/videos/7",
            "ftp://x/y",
        ] {
            assert_eq!(video_id(url), None, "{url}");
        }
    }
}
