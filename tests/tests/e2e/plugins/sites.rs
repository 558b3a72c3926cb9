//! Sites that the example plugins know, on the local media server.

use clipmill_tests::MediaServer;
use clipmill_tests::media::Clip;
use clipmill_tests::media_server::{Content, Incoming};
use serde_json::{Value, json};

/// A video of the PeerTube-like instance.
pub const VIDEO: &str = "9c9de5e8-0a1e-484a-b099-e80766180a6d";
/// A playlist of it.
pub const PLAYLIST: &str = "1b2c3d4e-0a1e-484a-b099-e80766180a6d";
/// Where [`VIDEO`] is in [`PLAYLIST`], counted from 1.
pub const POSITION: u32 = 57;
/// Videos of [`PLAYLIST`].
const TOTAL: u32 = 80;

fn parameter(incoming: &Incoming, name: &str) -> Option<u32> {
    let query = incoming.query.as_deref()?;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name)?.1.parse().ok()
}

/// A PeerTube-like instance with one video in two sizes, and a playlist that has it on a later page.
pub fn peertube(server: &MediaServer, large: &Clip, small: &Clip) {
    server.file("/static/large.mp4", large.file());
    server.file("/static/small.mp4", small.file());
    let file = |clip: &Clip, name: &str| {
        json!({
            "resolution": { "id": clip.height, "label": format!("{}p", clip.height) },
            "size": std::fs::metadata(clip.file()).unwrap().len(),
            "fps": 30,
            "fileUrl": server.url(&format!("/static/{name}")),
        })
    };
    let video = json!({
        "uuid": VIDEO,
        "name": "A video on an instance",
        "duration": large.seconds(),
        "isLive": false,
        "files": [file(large, "large.mp4"), file(small, "small.mp4")],
        "streamingPlaylists": [],
    });
    server.route(&format!("/api/v1/videos/{VIDEO}"), move |_| Some(Content::json(&video)));
    server.route(&format!("/api/v1/video-playlists/{PLAYLIST}/videos"), |incoming| {
        let start = parameter(incoming, "start")?;
        let end = start.saturating_add(parameter(incoming, "count")?.min(100)).min(TOTAL);
        let element = |position: u32| {
            let uuid = match position == POSITION {
                true => VIDEO.to_owned(),
                false => format!("00000000-0000-4000-8000-{position:012}"),
            };
            json!({ "position": position, "video": { "uuid": uuid } })
        };
        let data: Vec<Value> = (start + 1..=end).map(element).collect();
        Some(Content::json(&json!({ "total": TOTAL, "data": data })))
    });
}

/// A feed with two episodes, the newest first; the older one is the clip.
pub fn podcast(server: &MediaServer, clip: &Clip) {
    server.file("/episodes/1.mp4", clip.file());
    let (old, new) = (server.url("/episodes/1.mp4"), server.url("/episodes/2.mp4"));
    let feed = format!(
        "<?xml version='1.0' encoding='UTF-8'?><rss version=\"2.0\"><channel>\
         <title>A &amp; B</title>\
         <item><title><![CDATA[The <second>]]></title><guid>second</guid>\
         <enclosure url='{new}' length='9' type='video/mp4'/></item>\
         <item><title>The first &#x2014; of all</title><guid isPermaLink='false'>first</guid>\
         <enclosure type=\"video/mp4\" length=\"1\" url=\"{old}\"></enclosure></item>\
         </channel></rss>"
    );
    server.route("/show/feed.xml", move |_| {
        Some(Content::bytes("application/rss+xml", feed.clone()))
    });
}

/// An archive with one item.
pub fn archive(server: &MediaServer, clip: &Clip) {
    server.file("/download/an-item/film.mp4", clip.file());
    let size = std::fs::metadata(clip.file()).unwrap().len();
    let item = json!({
        "server": "ia800.example.org",
        "dir": "/1/items/an-item",
        "metadata": { "identifier": "an-item", "title": "An item", "mediatype": "movies" },
        "files": [
            { "name": "an-item_meta.xml", "format": "Metadata", "size": "999", "source": "original" },
            {
                "name": "film.mp4", "format": "h.264", "source": "original",
                "size": size.to_string(), "length": clip.seconds().to_string(),
                "height": clip.height.to_string(), "width": clip.width.to_string(),
            },
        ],
    });
    server.route("/metadata/an-item", move |_| Some(Content::json(&item)));
    server.route("/metadata/nothing", |_| Some(Content::json(&json!({}))));
}
