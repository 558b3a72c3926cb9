//! Videos on PeerTube instances: recordings, live streams, playlists.
//!
//! Settings: `instances`, a list of hosts, limits what it claims. Without it
//! the shape of the address decides. `page_size` (1 to 100) is how many videos
//! of a playlist are asked for at once.

mod api;
mod hls;
mod page;
mod video;

use clipmill_plugin::address::encode;
use clipmill_plugin::{
    FailureCode, MediaInfo, ResolveOptions, Source, SourceError, cache, http, log, settings,
};
use page::{Page, What};
use serde::de::DeserializeOwned;
use video::Video;

/// Addresses of files stay as they are; this is for videos that change.
const REMEMBERED_SECONDS: u32 = 600;

/// Pages of a playlist that are looked at.
const MAX_PAGES: u32 = 30;

struct PeerTube;

impl Source for PeerTube {
    fn claims(url: &str) -> bool {
        Page::parse(url, instances().as_deref()).is_some()
    }

    fn resolve(url: &str, options: ResolveOptions) -> Result<MediaInfo, SourceError> {
        let page = Page::parse(url, instances().as_deref())
            .ok_or_else(|| SourceError::unsupported("this is no video of a PeerTube instance"))?;
        let key = page.key();
        if !options.fresh {
            let known =
                cache::get(&key).and_then(|bytes| serde_json::from_slice::<Video>(&bytes).ok());
            if let Some(video) = known {
                log!("{} from the cache", video.id);
                return Ok(video.into_info());
            }
        }
        let video = find(&page)?;
        if !video.live
            && let Ok(bytes) = serde_json::to_vec(&video)
        {
            cache::set(&key, bytes, REMEMBERED_SECONDS);
        }
        Ok(video.into_info())
    }
}

fn instances() -> Option<Vec<String>> {
    serde_json::from_str(&settings::get("instances")?).ok()
}

fn find(page: &Page) -> Result<Video, SourceError> {
    let id = match &page.what {
        What::Video(id) => id.clone(),
        What::Playlist { id, position } => in_playlist(&page.origin, id, *position)?,
    };
    let found: api::Video = get(&format!("{}/api/v1/videos/{}", page.origin, encode(&id)))?;
    let mut video = Video::from_api(&found)?;
    for playlist in found.playlists() {
        match http::get(playlist).map_err(SourceError::from).and_then(http::Response::ok) {
            Ok(answer) => video.add_hls(hls::parse(&answer.text(), &answer.url)),
            Err(error) if video.formats.is_empty() => return Err(error),
            Err(_) => log!(warn, "the HLS playlist of {} can't be read", video.id),
        }
    }
    video.sound(&found)
}

/// The id of the video at a position, which counts from 1.
fn in_playlist(origin: &str, id: &str, position: u32) -> Result<String, SourceError> {
    let count = settings::parse("page_size").unwrap_or(100).clamp(1, 100);
    let mut start = 0;
    for _ in 0..MAX_PAGES {
        let url = format!(
            "{origin}/api/v1/video-playlists/{}/videos?start={start}&count={count}",
            encode(id)
        );
        let page: api::PlaylistPage = get(&url)?;
        log!("playlist {id}: {} of {} from {start}", page.data.len(), page.total);
        if let Some(element) = page.data.iter().find(|element| element.position == position) {
            let video = element.video.as_ref().map(|video| video.uuid.clone());
            return video.ok_or_else(|| {
                SourceError::give_up(
                    FailureCode::PrivateVideo,
                    "this video of the playlist is hidden",
                )
            });
        }
        start += page.data.len() as u32;
        if page.data.is_empty() || start >= page.total {
            break;
        }
    }
    Err(SourceError::give_up(
        FailureCode::RemovedVideo,
        format!("the playlist has no video at position {position}"),
    ))
}

fn get<T: DeserializeOwned>(url: &str) -> Result<T, SourceError> {
    let answer = http::Request::new(http::Method::Get, url)
        .header("accept", "application/json")
        .send()?
        .ok()?;
    serde_json::from_slice(&answer.body).map_err(|error| {
        SourceError::nonsense(format!("the instance's answer makes no sense: {error}"))
    })
}

clipmill_plugin::export!(PeerTube);
