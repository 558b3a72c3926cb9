//! From arguments and configuration to the parts that commands need.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clipmill_core::net;
use clipmill_core::process;
use clipmill_pipeline::Pipeline;
use clipmill_pipeline::ffmpeg::Tools;
use clipmill_plugins::builtin::{self, ytdlp};
use clipmill_plugins::wasm::{self, Observer, Plugins};
use clipmill_plugins::{Order, Registry};
use clipmill_storage::{Mongo, MongoSettings, Sqlite, Storage};

use super::arguments::{Arguments, Command};
use super::exit::Failure;
use crate::artifacts::{ArtifactError, Stores};
use crate::config::{self, Config, ConfigError, Granted, Loaded, PluginConfig};

/// JavaScript runtimes for yt-dlp, the best first.
const RUNTIMES: &[&str] = &["deno", "node", "bun", "qjs"];

/// What works on media, with or without a server.
pub struct Parts {
    /// ffmpeg and ffprobe.
    pub tools: Tools,
    /// The handlers.
    pub registry: Arc<Registry>,
    /// The stages.
    pub pipeline: Pipeline,
    /// The plugins, where they are used.
    pub plugins: Option<Plugins>,
}

/// Which plugins are used.
pub enum Use {
    /// None: what is asked for is built in.
    None,
    /// Those that are in the folder. Where none are, nothing is set up for them.
    IfAny,
    /// Those that are in the folder now and later.
    Served(Arc<dyn Observer>),
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

/// Finds the tools, loads plugins, and joins the handlers with them.
pub async fn parts(config: &Config, used: Use) -> Result<Parts, Failure> {
    let client = client(config)?;
    let registry = registry(config, &client);
    let is_served = matches!(used, Use::Served(_));
    let plugins = match used {
        Use::Served(observer) => {
            // So that there is a place to drop them into.
            std::fs::create_dir_all(config.plugins.folder(&config.folders))?;
            Some(plugins(config, client.clone(), registry.clone(), Some(observer)))
        }
        Use::IfAny if has_plugins(config) => {
            Some(plugins(config, client.clone(), registry.clone(), None))
        }
        Use::IfAny | Use::None => None,
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
        // A single piece of work begins without ffmpeg's answer.
        let tools = Tools::locate(&config.tool_paths(), &config.encode)?;
        tools.ask_early();
        Ok(tools)
    };
    let (tools, ()) = tokio::join!(discover, scan);
    let tools = tools?;
    if is_served {
        let hardware = tools.abilities().await?.hardware.clone();
        // A job that comes meanwhile waits for the encoder that it needs; each
        // trial has a deadline.
        tokio::spawn(async move { hardware.look_and_tell().await });
    }
    let pipeline = Pipeline::new(config.pipeline(), tools.clone(), registry.clone(), client);
    Ok(Parts { tools, registry, pipeline, plugins })
}

/// The built-in handlers, in the configured order.
pub fn registry(config: &Config, client: &net::Client) -> Arc<Registry> {
    let built_in = builtin::handlers(builtin::Settings {
        ytdlp: Some(yt_dlp(config, client.clone())),
        http: config.clips.direct.then(|| client.clone()),
    });
    Arc::new(Registry::new(built_in, order(config)))
}

/// The host of plugins. It looks at nothing yet.
pub fn plugins(
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
    let settings = wasm::Settings {
        folder: own.folder(&config.folders),
        // Whoever tries a plugin somewhere gets no data folder for it.
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
