//! From arguments and configuration to the parts that commands need.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clipmill_plugins::builtin::{self, ytdlp};
use clipmill_plugins::{Order, Registry, net, process};
use clipmill_storage::{Mongo, MongoSettings, Sqlite, Storage};

use super::arguments::{Arguments, Command};
use super::exit::Failure;
use crate::artifacts::{ArtifactError, Stores};
use crate::config::{self, Config, ConfigError, Loaded};
use crate::ffmpeg::Tools;
use crate::pipeline::Street;

/// JavaScript runtimes for yt-dlp, the best first.
const RUNTIMES: &[&str] = &["deno", "node", "bun", "qjs"];

/// What works on media, with or without a server.
pub struct Parts {
    /// ffmpeg and ffprobe.
    pub tools: Tools,
    /// The handlers.
    pub registry: Arc<Registry>,
    /// The stages.
    pub street: Street,
}

/// Loads the configuration with the flags of this command.
pub fn configuration(arguments: &Arguments) -> Result<Loaded, ConfigError> {
    let mut flags = Vec::new();
    if let Command::Serve(serve) = &arguments.command {
        if let Some(listen) = serve.listen {
            flags.push(("server", "listen", listen.to_string()));
        }
        if let Some(data) = &serve.data {
            flags.push(("folders", "data", data.to_string_lossy().into_owned()));
        }
    }
    config::load(arguments.config.as_deref(), variables(), &flags)
}

/// The environment. A variable that is not text can't be one of ours.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Opens the stores that are configured and tries whether they work.
pub async fn stores(config: &Config) -> Result<Stores, Failure> {
    let told = |error: ArtifactError| Failure::other(format!("the artifact store: {error}"));
    let stores = Stores::open(config, variables()).map_err(told)?;
    tokio::try_join!(stores.files.check(), stores.uploads.check()).map_err(told)?;
    Ok(stores)
}

/// Opens the database that is configured.
pub async fn storage(config: &Config) -> Result<Arc<dyn Storage>, Failure> {
    if let Some(url) = config.storage.url.as_ref().filter(|_| config.storage.is_shared()) {
        let settings = MongoSettings {
            url: url.reveal().to_owned(),
            redis_url: config.storage.redis().to_owned(),
            redis_prefix: config.storage.redis_prefix.clone(),
        };
        return Ok(Arc::new(Mongo::open(&settings).await?));
    }
    let path = match &config.storage.url {
        Some(url) => PathBuf::from(url.reveal().trim_start_matches("sqlite:")),
        None => config.folders.data.join("clipmill.db"),
    };
    Ok(Arc::new(Sqlite::open(&path).await?))
}

/// Finds the tools and joins the handlers with them.
pub async fn parts(config: &Config) -> Result<Parts, Failure> {
    let tools = Tools::discover(config).await?;
    let client = client(config)?;
    let built_in = builtin::handlers(builtin::Settings {
        ytdlp: Some(yt_dlp(config, client.clone())),
        http: config.clips.direct.then(|| client.clone()),
    });
    let registry = Arc::new(Registry::new(built_in, order(config)));
    let street = Street::new(config, tools.clone(), registry.clone(), client);
    Ok(Parts { tools, registry, street })
}

/// Who is asked first, and who not at all.
fn order(config: &Config) -> Order {
    Order {
        first: config.plugins.order.clone(),
        disabled: config.plugins.disable.iter().cloned().collect(),
    }
}

/// The guarded HTTP client.
pub fn client(config: &Config) -> Result<net::Client, Failure> {
    let settings =
        net::Settings { allow: config.network.allow.clone(), ..net::Settings::default() };
    net::Client::new(settings).map_err(|error| Failure::other(error.to_string()))
}

/// How yt-dlp is to be run. It need not be there yet: what it is asked then
/// fails with the command that installs it.
pub fn yt_dlp(config: &Config, client: net::Client) -> ytdlp::Settings {
    let tools = &config.tools;
    let program = process::find("yt-dlp", tools.yt_dlp.as_deref())
        .or_else(|| tools.yt_dlp.clone())
        .unwrap_or_else(|| PathBuf::from("yt-dlp"));
    let stage = Duration::from_secs(config.workers.stage_minutes * 60);
    ytdlp::Settings {
        hosts: config.clips.hosts.clone(),
        plugin_dirs: tools.yt_dlp_plugin_dirs.clone(),
        js_runtime: RUNTIMES.iter().find_map(|name| process::find(name, None)),
        cookies_file: tools.yt_dlp_cookies.clone(),
        cache_dir: Some(config.folders.data.join("yt-dlp-cache")),
        ffmpeg: process::find("ffmpeg", tools.ffmpeg.as_deref()),
        fetch_deadline: stage,
        ..ytdlp::Settings::new(program, client)
    }
}
