//! What the API answers, as far as it is needed. Instances differ in age, so
//! hardly anything has to be there.

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Video {
    pub uuid: String,
    pub name: Option<String>,
    /// Seconds.
    pub duration: Option<f64>,
    pub is_live: bool,
    pub state: Option<Labelled>,
    pub files: Vec<File>,
    pub streaming_playlists: Vec<StreamingPlaylist>,
}

impl Video {
    /// Addresses of HLS playlists.
    pub fn playlists(&self) -> impl Iterator<Item = &str> {
        // One is what there is; a few more do no harm.
        self.streaming_playlists.iter().take(3).map(|it| it.playlist_url.as_str())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct File {
    /// The id is the height; 0 for sound alone.
    pub resolution: Option<Labelled>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub size: Option<u64>,
    pub fps: Option<f64>,
    pub file_url: String,
    pub has_video: Option<bool>,
    pub has_audio: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub struct Labelled {
    pub id: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StreamingPlaylist {
    pub playlist_url: String,
}

#[derive(Debug, Deserialize)]
pub struct PlaylistPage {
    pub total: u32,
    pub data: Vec<Element>,
}

#[derive(Debug, Deserialize)]
pub struct Element {
    pub position: u32,
    /// None for a video that is deleted or private.
    pub video: Option<Short>,
}

#[derive(Debug, Deserialize)]
pub struct Short {
    pub uuid: String,
}
