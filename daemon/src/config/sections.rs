//! The sections of config.toml and their defaults.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clipmill_core::{OutputFormat, Resolution};
use clipmill_pipeline::PipelineSettings;
use clipmill_pipeline::ffmpeg::ToolPaths;
use clipmill_pipeline::settings::{EncodeSettings, FetchSettings, HighResolutionMp4};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{ArtifactsConfig, Folders, PluginsConfig, Secret};

/// Names of the sections.
pub const SECTIONS: &[&str] = &[
    "server",
    "auth",
    "limits",
    "storage",
    "artifacts",
    "folders",
    "clips",
    "fetch",
    "encode",
    "uploads",
    "retention",
    "workers",
    "tools",
    "network",
    "plugins",
    "log",
];

/// The whole configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The HTTP server.
    pub server: Server,
    /// Accounts and tokens.
    pub auth: Auth,
    /// Requests per minute.
    pub limits: RequestLimits,
    /// The database.
    pub storage: StorageConfig,
    /// Where finished files and uploads are kept.
    pub artifacts: ArtifactsConfig,
    /// Where files live.
    pub folders: Folders,
    /// Clips of remote sources.
    pub clips: Clips,
    /// How remote files are got.
    pub fetch: FetchSettings,
    /// What encoders may do.
    pub encode: EncodeSettings,
    /// Uploaded files.
    pub uploads: Uploads,
    /// How long finished files stay.
    pub retention: Retention,
    /// The workers.
    pub workers: Workers,
    /// ffmpeg and yt-dlp.
    pub tools: ToolsConfig,
    /// What the daemon may connect to.
    pub network: Network,
    /// Sources and codecs of others.
    pub plugins: PluginsConfig,
    /// Logging.
    pub log: Log,
}

impl Config {
    /// What the pipeline is to know of it.
    pub fn pipeline(&self) -> PipelineSettings {
        const MEGABYTE: u64 = 1024 * 1024;
        let memory = self.workers.ffmpeg_memory_mb.saturating_mul(MEGABYTE);
        PipelineSettings {
            fetch: self.fetch.clone(),
            encode: self.encode.clone(),
            high_resolution_mp4: self.clips.high_resolution_mp4,
            max_download_bytes: self.clips.max_download_mb.saturating_mul(MEGABYTE),
            stage_deadline: Duration::from_secs(self.workers.stage_minutes.saturating_mul(60)),
            ffmpeg_threads: self.workers.ffmpeg_threads,
            ffmpeg_memory_bytes: (memory > 0).then_some(memory),
        }
    }

    /// Where ffmpeg and ffprobe are.
    pub fn tool_paths(&self) -> ToolPaths {
        ToolPaths { ffmpeg: self.tools.ffmpeg.clone(), ffprobe: self.tools.ffprobe.clone() }
    }
}

/// `[server]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address under which clients reach the server, for links in answers.
    pub public_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins that browsers may call from; `*` for any.
    pub cors_origins: Vec<String>,
    /// Seconds to wait for running requests at a stop.
    pub stop_seconds: u64,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            listen: SocketAddr::from(([127, 0, 0, 1], 5000)),
            public_url: None,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            stop_seconds: 10,
        }
    }
}

/// `[auth]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Signs public tokens; created and kept in the data folder when absent.
    pub jwt_public_secret: Option<Secret>,
    /// Signs private tokens; created and kept in the data folder when absent.
    pub jwt_private_secret: Option<Secret>,
    /// Life of a public token, hours.
    pub public_token_hours: u32,
    /// Life of a login, days.
    pub private_token_days: u32,
    /// Whether clients may register.
    pub registration: Registration,
    /// bcrypt cost, 4 to 31; each step doubles the time of a login.
    pub bcrypt_cost: u32,
}

impl Default for Auth {
    fn default() -> Auth {
        Auth {
            jwt_public_secret: None,
            jwt_private_secret: None,
            public_token_hours: 24,
            private_token_days: 7,
            registration: Registration::Open,
            bcrypt_cost: 12,
        }
    }
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Everybody.
    Open,
    /// No one; `clipmill user add` creates accounts.
    Closed,
}

/// `[limits]`: requests per minute; 0 for no limit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequestLimits {
    /// Logins, registrations and password changes of one address.
    pub login_per_minute: u32,
    /// Public tokens and resolutions of one address.
    pub public_per_minute: u32,
    /// Saved clips of one address.
    pub save_per_minute: u32,
    /// Saved clips for one user, from all addresses.
    pub save_per_user_per_minute: u32,
}

impl Default for RequestLimits {
    fn default() -> RequestLimits {
        RequestLimits {
            login_per_minute: 20,
            public_per_minute: 60,
            save_per_minute: 120,
            save_per_user_per_minute: 60,
        }
    }
}

/// `[storage]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    /// `sqlite:PATH` or `mongodb://HOST/DATABASE`; SQLite in the data folder
    /// when absent.
    pub url: Option<Secret>,
    /// `redis://HOST:PORT/NUMBER`, beside MongoDB; on this machine when absent.
    pub redis: Option<Secret>,
    /// What every key and channel in Redis starts with.
    pub redis_prefix: String,
}

/// Where Redis is when the configuration does not say.
const LOCAL_REDIS: &str = "redis://127.0.0.1:6379/0";

impl StorageConfig {
    /// Whether records are kept where other daemons see them too.
    pub fn is_shared(&self) -> bool {
        let shared = |url: &Secret| {
            ["mongodb://", "mongodb+srv://"].iter().any(|scheme| url.reveal().starts_with(scheme))
        };
        self.url.as_ref().is_some_and(shared)
    }

    /// The address of Redis.
    pub fn redis(&self) -> &str {
        self.redis.as_ref().map_or(LOCAL_REDIS, Secret::reveal)
    }
}

/// `[clips]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clips {
    /// The longest span, seconds.
    pub max_seconds: u32,
    /// Format when the client asks for none: `mp4`, `webm` or `best`.
    pub format: OutputFormat,
    /// Resolution when the client asks for none: `720p` to `4320p`, or `best`.
    pub resolution: Resolution,
    /// When work on a saved clip starts.
    pub start: ClipStart,
    /// What becomes of 1440p and above asked as MP4.
    pub high_resolution_mp4: HighResolutionMp4,
    /// Domains that yt-dlp may be asked about, with all below them; `*` for all.
    pub hosts: Vec<String>,
    /// Whether addresses of other hosts are tried as media files.
    pub direct: bool,
    /// The largest download for one clip, megabytes.
    pub max_download_mb: u64,
    /// Seconds that a download request waits for the file before it answers 202.
    pub wait_seconds: u64,
}

impl Default for Clips {
    fn default() -> Clips {
        Clips {
            max_seconds: 3600,
            format: OutputFormat::Mp4,
            resolution: Resolution::UpTo(1080),
            start: ClipStart::OnDownload,
            high_resolution_mp4: HighResolutionMp4::LosslessH265,
            hosts: ["youtube.com", "youtu.be", "youtube-nocookie.com"].map(str::to_owned).into(),
            direct: true,
            max_download_mb: 8192,
            wait_seconds: 280,
        }
    }
}

/// When work on a saved clip starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClipStart {
    /// When a client asks for the file.
    OnDownload,
    /// As soon as it is saved.
    OnSave,
}

/// `[uploads]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Uploads {
    /// The largest file, megabytes (2^20 bytes).
    pub max_mb: u64,
    /// Hours until an upload that no client starts to encode is removed.
    pub unused_hours: u32,
}

impl Default for Uploads {
    fn default() -> Uploads {
        Uploads { max_mb: 500, unused_hours: 24 }
    }
}

/// `[retention]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Minutes that a finished file stays, from its completion.
    pub minutes: f64,
    /// Minutes between two sweeps.
    pub sweep_minutes: f64,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention { minutes: 30.0, sweep_minutes: 5.0 }
    }
}

/// `[workers]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workers {
    /// Jobs at a time; 0 for half of the processors, at least one.
    pub count: usize,
    /// Seconds without a heartbeat after which another worker takes over.
    pub lease_seconds: u64,
    /// Attempts at one job, those that ended in a crash included.
    pub max_attempts: u32,
    /// Seconds before the second attempt; doubles with each further one.
    pub backoff_seconds: u64,
    /// Minutes that one stage of one job may take.
    pub stage_minutes: u64,
    /// Threads of one ffmpeg; 0 for its own choice.
    pub ffmpeg_threads: u32,
    /// Address space of one ffmpeg, megabytes; 0 for no limit.
    pub ffmpeg_memory_mb: u64,
}

impl Default for Workers {
    fn default() -> Workers {
        Workers {
            count: 0,
            lease_seconds: 30,
            max_attempts: 5,
            backoff_seconds: 5,
            stage_minutes: 240,
            ffmpeg_threads: 0,
            ffmpeg_memory_mb: 0,
        }
    }
}

impl Workers {
    /// Jobs at a time on this machine.
    pub fn effective_count(&self) -> usize {
        match self.count {
            0 => std::thread::available_parallelism().map_or(1, |n| n.get().div_ceil(2)),
            count => count,
        }
    }
}

/// `[tools]`: found on PATH when not set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ToolsConfig {
    /// The ffmpeg program.
    pub ffmpeg: Option<PathBuf>,
    /// The ffprobe program.
    pub ffprobe: Option<PathBuf>,
    /// The yt-dlp program.
    pub yt_dlp: Option<PathBuf>,
    /// Folders of yt-dlp plugins; none but these are loaded.
    pub yt_dlp_plugin_dirs: Vec<PathBuf>,
    /// A cookies.txt for yt-dlp.
    pub yt_dlp_cookies: Option<PathBuf>,
}

/// `[network]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Private or local networks that sources may nevertheless be in.
    pub allow: Vec<IpNet>,
}

/// `[log]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`, or a tracing filter.
    pub level: String,
    /// A file that gets the log too.
    pub file: Option<PathBuf>,
}

impl Default for Log {
    fn default() -> Log {
        Log { level: "info".to_owned(), file: None }
    }
}
