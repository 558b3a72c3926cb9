//! How yt-dlp is run.

use std::path::PathBuf;
use std::time::Duration;

use clipmill_core::net;

/// How yt-dlp is run.
#[derive(Debug, Clone)]
pub struct YtDlpSettings {
    /// The program.
    pub program: PathBuf,
    /// Hosts whose addresses it gets, each with all names under it; `*` is
    /// every host. For a host that stands here by name, the operator answers;
    /// what only `*` covers must have a public address.
    pub hosts: Vec<String>,
    /// Folders of yt-dlp plugins; no others are loaded.
    pub plugin_dirs: Vec<PathBuf>,
    /// A JavaScript runtime (deno, node, bun, quickjs); none for the deno on
    /// `PATH`.
    pub js_runtime: Option<PathBuf>,
    /// A cookie file in Netscape format. yt-dlp gets a copy of it.
    pub cookies_file: Option<PathBuf>,
    /// A folder where yt-dlp may keep what it learned of players; none to
    /// learn it anew each time.
    pub cache_dir: Option<PathBuf>,
    /// ffmpeg; none for the one on `PATH`.
    pub ffmpeg: Option<PathBuf>,
    /// Longest time to resolve one address.
    pub resolve_deadline: Duration,
    /// Longest time of one download.
    pub fetch_deadline: Duration,
    /// Longest time in which a download may not grow.
    pub stall: Duration,
    /// Most addresses that are resolved at once; at least 1.
    pub max_processes: usize,
    /// Longest wait for a turn.
    pub queue_wait: Duration,
    /// Judges hosts.
    pub client: net::Client,
}

impl YtDlpSettings {
    /// The usual settings: YouTube alone.
    pub fn new(program: impl Into<PathBuf>, client: net::Client) -> YtDlpSettings {
        YtDlpSettings {
            program: program.into(),
            hosts: ["youtube.com", "youtu.be", "youtube-nocookie.com"].map(String::from).into(),
            plugin_dirs: Vec::new(),
            js_runtime: None,
            cookies_file: None,
            cache_dir: None,
            ffmpeg: None,
            resolve_deadline: Duration::from_secs(90),
            fetch_deadline: Duration::from_secs(2 * 3600),
            stall: Duration::from_secs(90),
            max_processes: 2,
            queue_wait: Duration::from_secs(60),
            client,
        }
    }
}
