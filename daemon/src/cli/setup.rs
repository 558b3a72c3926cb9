//! From arguments and configuration to what commands work with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clipmill_core::{Clock, net, process};
use clipmill_pipeline::Pipeline;
use clipmill_pipeline::ffmpeg::Tools;
use clipmill_plugins::builtin::{self, ytdlp};
use clipmill_plugins::wasm::{self, Observer, Plugins};
use clipmill_plugins::{Order, Registry};
use clipmill_storage::{Mongo, MongoSettings, Sqlite, Storage};

use super::arguments::{Arguments, Command};
use super::error::CommandError;
use crate::app::MediaEngine;
use crate::artifacts::{ArtifactError, Stores};
use crate::config::{self, Config, ConfigError, Granted, LoadedConfig, PluginConfig};

/// JavaScript runtimes for yt-dlp, the best first.
const RUNTIMES: &[&str] = &["deno", "node", "bun", "qjs"];

/// Which plugins a command uses.
pub enum PluginUse {
    /// None: the command needs built-in sources and codecs only.
    None,
    /// Those that are in the folder. An empty folder costs nothing.
    IfAny,
    /// Those that are in the folder now and later, for a daemon.
    Served(Arc<dyn Observer>),
}

/// Loads the configuration with the flags of this command.
pub fn configuration(arguments: &Arguments) -> Result<LoadedConfig, ConfigError> {
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

/// Opens the stores that are configured and checks that they work.
pub async fn stores(config: &Config) -> Result<Stores, CommandError> {
    let failed = |error: ArtifactError| CommandError::other(format!("the artifact store: {error}"));
    let stores = Stores::open(config, variables()).map_err(failed)?;
    tokio::try_join!(stores.files.check(), stores.uploads.check()).map_err(failed)?;
    Ok(stores)
}

/// Opens the database that is configured.
pub async fn storage(config: &Config) -> Result<Arc<dyn Storage>, CommandError> {
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

/// Finds the tools, loads plugins, and puts both together with the pipeline.
pub async fn media_engine(
    config: &Config,
    plugins: PluginUse,
    clock: Clock,
) -> Result<MediaEngine, CommandError> {
    let client = client(config)?;
    let registry = registry(config, &client);
    let is_served = matches!(plugins, PluginUse::Served(_));
    let plugins = match plugins {
        PluginUse::Served(observer) => {
            // The operator drops plugins into this folder.
            std::fs::create_dir_all(config.plugins.folder(&config.folders))?;
            Some(plugin_host(config, client.clone(), registry.clone(), Some(observer)))
        }
        PluginUse::IfAny if has_plugins(config) => {
            Some(plugin_host(config, client.clone(), registry.clone(), None))
        }
        PluginUse::IfAny | PluginUse::None => None,
    };
    let scan = async {
        if let Some(plugins) = &plugins {
            plugins.scan().await;
        }
    };
    let discover = async {
        if is_served {
            return Tools::discover(&config.tool_paths(), &config.encode).await;
        }
        // A single job starts before ffmpeg has listed what it can do.
        let tools = Tools::locate(&config.tool_paths(), &config.encode)?;
        tools.load_abilities();
        Ok(tools)
    };
    let (tools, ()) = tokio::join!(discover, scan);
    let tools = tools?;
    if is_served {
        let hardware = tools.abilities().await?.hardware.clone();
        // A job that starts meanwhile waits for the encoder that it needs; each
        // trial has a deadline.
        tokio::spawn(async move { hardware.try_all_and_log().await });
    }
    let pipeline = Pipeline::new(config.pipeline(), tools.clone(), registry.clone(), client, clock);
    Ok(MediaEngine { tools, registry, pipeline, plugins })
}

/// The built-in handlers, in the configured order.
pub fn registry(config: &Config, client: &net::Client) -> Arc<Registry> {
    let built_in = builtin::handlers(builtin::BuiltinSettings {
        ytdlp: Some(yt_dlp(config, client.clone())),
        http: config.clips.direct.then(|| client.clone()),
    });
    Arc::new(Registry::new(built_in, order(config)))
}

/// The host of plugins. It loads nothing yet.
pub fn plugin_host(
    config: &Config,
    client: net::Client,
    registry: Arc<Registry>,
    observer: Option<Arc<dyn Observer>>,
) -> Plugins {
    let own = &config.plugins;
    let each = |plugin: &PluginConfig| wasm::Each {
        hosts: plugin.hosts.clone(),
        settings: plugin
            .settings
            .iter()
            .map(|(key, setting)| (key.clone(), setting.reveal().clone()))
            .collect(),
    };
    let data = &config.folders.data;
    let settings = wasm::WasmSettings {
        folder: own.folder(&config.folders),
        // `plugin test` in some folder creates no data folder.
        cache_folder: data.is_dir().then(|| data.join("plugin-cache")),
        client,
        ceilings: wasm::Ceilings {
            memory_mb: own.max_memory_mb,
            call: Duration::from_secs(own.max_seconds.into()),
        },
        grant: match own.grant {
            Granted::AsWanted => wasm::Grant::AsWanted,
            Granted::Listed => wasm::Grant::Listed,
        },
        each: own.each.iter().map(|(name, plugin)| (name.clone(), each(plugin))).collect(),
        observer,
    };
    Plugins::new(settings, registry)
}

/// Whether there is anything in the plugin folder.
pub fn has_plugins(config: &Config) -> bool {
    let entries = std::fs::read_dir(config.plugins.folder(&config.folders));
    entries.is_ok_and(|mut entries| entries.next().is_some())
}

/// Which sources and codecs come first, and which are not used.
fn order(config: &Config) -> Order {
    Order {
        first: config.plugins.order.clone(),
        disabled: config.plugins.disable.iter().cloned().collect(),
    }
}

/// The guarded HTTP client.
pub fn client(config: &Config) -> Result<net::Client, CommandError> {
    let settings = net::ClientSettings {
        allow: config.network.allow.clone(),
        ..net::ClientSettings::default()
    };
    net::Client::new(settings).map_err(|error| CommandError::other(error.to_string()))
}

/// How yt-dlp is run. It need not be installed: then a call fails with the command
/// that installs it.
pub fn yt_dlp(config: &Config, client: net::Client) -> ytdlp::YtDlpSettings {
    let tools = &config.tools;
    let program = process::find("yt-dlp", tools.yt_dlp.as_deref())
        .or_else(|| tools.yt_dlp.clone())
        .unwrap_or_else(|| PathBuf::from("yt-dlp"));
    let stage = Duration::from_secs(config.workers.stage_minutes * 60);
    ytdlp::YtDlpSettings {
        hosts: config.clips.hosts.clone(),
        plugin_dirs: tools.yt_dlp_plugin_dirs.clone(),
        js_runtime: RUNTIMES.iter().find_map(|name| process::find(name, None)),
        cookies_file: tools.yt_dlp_cookies.clone(),
        cache_dir: Some(config.folders.data.join("yt-dlp-cache")),
        ffmpeg: process::find("ffmpeg", tools.ffmpeg.as_deref()),
        fetch_deadline: stage,
        ..ytdlp::YtDlpSettings::new(program, client)
    }
}
