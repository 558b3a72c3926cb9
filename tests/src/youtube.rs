//! YouTube without YouTube: a plugin for the real yt-dlp, and the videos that it answers with.
//!
//! Owns the descriptions of videos and the copy of the plugin that points at one media server. The
//! plugin itself is `tests/youtube/`.

mod refusal;
mod video;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::media_server::{Content, MediaServer};
use crate::tool::{self, Output, ToolError};

pub use refusal::Refusal;
pub use video::{Format, Live, Video};

/// A YouTube of our own. yt-dlp asks it as long as both this and the server live.
pub struct YouTube<'server> {
    server: &'server MediaServer,
    plugins: TempDir,
}

impl<'server> YouTube<'server> {
    /// Copies the plugin into a folder of its own and points it at `server`. Every video is
    /// unavailable until it is added.
    ///
    /// # Panics
    /// When the temporary folder can't be written.
    pub fn new(server: &'server MediaServer) -> YouTube<'server> {
        let plugins = TempDir::new().expect("a temporary folder");
        let source = tool::workspace().join("tests/youtube");
        copy_folder(&source, plugins.path()).expect("a copy of the plugin");
        let address = serde_json::json!({ "base": server.base() });
        fs::write(plugins.path().join("clipmill_test/server.json"), address.to_string())
            .expect("the address written beside the plugin");
        server.route("/youtube/", |incoming| {
            let missing = serde_json::json!({ "error": Refusal::Unavailable.name() });
            incoming.path.ends_with(".json").then(|| Content::json(&missing))
        });
        YouTube { server, plugins }
    }

    /// What yt-dlp's `--plugin-dirs` wants.
    pub fn plugin_dir(&self) -> &Path {
        self.plugins.path()
    }

    /// The address of a video, as people share it.
    pub fn url(&self, id: &str) -> String {
        format!("https://www.youtube.com/watch?v={id}")
    }

    /// Adds the video with this id of 11 characters, or replaces it. Its files are served under
    /// `/youtube/media/ID/`; see [`YouTube::media_path`].
    pub fn video(&self, id: &str, video: Video) {
        assert_eq!(id.len(), 11, "yt-dlp takes ids of 11 characters only: {id}");
        for format in &video.formats {
            let Some(file) = &format.file else { continue };
            if format.is_playlist() {
                let folder = file.parent().expect("a playlist lies in a folder");
                self.server.folder(&format!("/youtube/media/{id}/{}/", format.id), folder);
            } else {
                self.server.file(&self.media_path(id, &format.id), file);
            }
        }
        let answer = video.answer(|format| match &format.file {
            None => format.url.clone(),
            Some(file) if format.is_playlist() => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                self.server.url(&format!("/youtube/media/{id}/{}/{name}", format.id))
            }
            Some(_) => {
                let path = self.media_path(id, &format.id);
                self.server.url(&format!("{path}?expire={}", video.expires))
            }
        });
        self.answer(id, answer);
    }

    /// Makes this id fail as `refusal` says.
    pub fn refuse(&self, id: &str, refusal: Refusal) {
        self.answer(id, serde_json::json!({ "error": refusal.name() }));
    }

    /// Where the server has a format of a video: for its behaviour and its counts.
    pub fn media_path(&self, id: &str, format: &str) -> String {
        format!("/youtube/media/{id}/{format}")
    }

    /// How often yt-dlp asked what this video is.
    pub fn times_resolved(&self, id: &str) -> usize {
        self.server.stats(&format!("/youtube/{id}.json")).count()
    }

    /// Runs the real yt-dlp with the plugin: no configuration of the user, no cache.
    ///
    /// # Errors
    /// When it is missing or ends with another status than 0, with its words.
    pub fn ytdlp(&self, args: &[&str]) -> Result<Output, ToolError> {
        let plugins = self.plugin_dir().display().to_string();
        let own = ["--ignore-config", "--no-cache-dir", "--plugin-dirs", &plugins];
        tool::run("yt-dlp", own.iter().chain(args))
    }

    fn answer(&self, id: &str, answer: serde_json::Value) {
        let path = format!("/youtube/{id}.json");
        self.server.route(&path, move |_| Some(Content::json(&answer)));
    }
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target: PathBuf = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "__pycache__" {
                copy_folder(&entry.path(), &target)?;
            }
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
