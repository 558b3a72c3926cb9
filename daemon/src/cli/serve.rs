//! `clipmill serve`: the daemon, from its parts to its end.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use clipmill_core::{Clock, ClockOffset};
use clipmill_storage::Storage;
use rustix::fs::{FlockOperation, flock};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::exit::Failure;
use super::join::join;
use super::plugin::{self, Bell};
use super::setup;
use crate::app::{App, Parts};
use crate::artifacts::Stores;
use crate::config::{Config, Loaded, jwt_secrets};
use crate::http;
use crate::node;
use crate::telemetry::{Metrics, init_logging};
use crate::worker::{Pool, measure_offset, sweep_stores, sweep_work};

/// Times that the lock of the data folder is tried: whoever only wants to know
/// whether a daemon runs has it for a moment.
const LOOKS: usize = 3;
/// Between two of them.
const LOOK: Duration = Duration::from_millis(20);

/// Runs the daemon until a signal ends it.
pub async fn run(loaded: Loaded, adopt_stores: bool) -> Result<(), Failure> {
    init_logging(&loaded.config.log)?;
    match &loaded.file {
        Some(file) => tracing::info!(config.file = %file.display(), "configuration read"),
        None => tracing::info!("no configuration file; defaults and environment"),
    }
    loaded.notes.iter().for_each(|note| tracing::warn!("{note}"));
    let config = loaded.config;
    let _lock = lock(&config)?;
    plugin::forget(&config);
    let address = config.server.listen;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::usage(format!("can't listen on {address}: {error}; set server.listen to another"))
    })?;
    let metrics = Arc::<Metrics>::default();
    let bell = Arc::new(Bell::new(metrics.clone()));
    let used = setup::Use::Served(bell.clone());
    // All wait for something else than the processor.
    let (storage, parts, stores) = tokio::try_join!(
        setup::storage(&config),
        setup::parts(&config, used),
        setup::stores(&config)
    )?;
    if config.storage.is_shared() {
        join(&*storage, &stores, adopt_stores).await?;
    }
    let clock_offset = ClockOffset::default();
    measure_offset(&clock_offset, &*storage).await?;
    let plugins = parts.plugins.clone();
    let app = assemble(config, storage.clone(), parts, stores, metrics, clock_offset)?;
    tidy(&app).await?;
    let followed = plugins.map(|plugins| plugin::follow(&app, plugins, bell));
    welcome(&listener)?;
    serve(app, listener, signalled()?).await?;
    drop(followed);
    storage.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// The daemon's parts, joined.
fn assemble(
    config: Config,
    storage: Arc<dyn Storage>,
    parts: setup::Parts,
    stores: Stores,
    metrics: Arc<Metrics>,
    clock_offset: ClockOffset,
) -> Result<Arc<App>, Failure> {
    std::fs::create_dir_all(config.folders.work())?;
    let secrets = jwt_secrets(&config)?;
    let setup::Parts { tools, registry, pipeline, .. } = parts;
    let node = node::name(&config.folders.data)?;
    let clock = Clock::with_offset(clock_offset.clone());
    let Stores { files: artifacts, uploads } = stores;
    let parts = Parts {
        config,
        secrets,
        node,
        storage,
        registry,
        artifacts,
        uploads,
        tools,
        pipeline,
        metrics,
        clock,
        clock_offset,
    };
    Ok(Arc::new(App::assemble(parts)))
}

/// Takes up what this daemon left when it ended last, however it did.
async fn tidy(app: &App) -> Result<(), Failure> {
    let reclaimed = app.storage.reclaim(&app.node, app.clock.now()).await?;
    if reclaimed > 0 {
        tracing::info!(jobs = reclaimed, "jobs that were cut off go on");
    }
    let mut swept = sweep_work(app).await?;
    // What others write to as well is left to whoever sweeps.
    if !app.config.storage.is_shared() && app.config.artifacts.url.is_none() {
        swept += sweep_stores(app, Duration::ZERO).await?;
    }
    if swept > 0 {
        tracing::info!(files = swept, "swept what a crash left behind");
    }
    Ok(())
}

/// Runs workers and HTTP server until `shutdown` ends; then gives running jobs
/// back and lets running requests end, within the configured time.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    let workers = Pool::start(&app);
    let server = http::serve(app.clone(), listener, app.stopping.clone().cancelled_owned());
    let deadline = Duration::from_secs(app.config.server.stop_seconds);
    tokio::pin!(server);
    tokio::select! {
        ended = &mut server => ended?,
        () = shutdown => {
            tracing::info!("stopping");
            app.stopping.cancel();
            let (served, ()) = tokio::join!(server, workers.stop(deadline));
            served?;
        }
    }
    Ok(())
}

/// One daemon a data folder: a second one would sweep the first one's files.
fn lock(config: &Config) -> Result<File, Failure> {
    std::fs::create_dir_all(&config.folders.data)?;
    let file = File::create(config.folders.data.join("clipmill.lock"))?;
    for _ in 0..LOOKS {
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return Ok(file);
        }
        std::thread::sleep(LOOK);
    }
    Err(Failure::usage(format!(
        "another clipmill uses the data folder {}; stop it or set folders.data",
        config.folders.data.display()
    )))
}

/// What a person sees first, and what scripts wait for.
fn welcome(listener: &TcpListener) -> Result<(), Failure> {
    let address = listener.local_addr()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on http://{address}")?;
    writeln!(
        out,
        "next: make an account\n  \
         curl -X POST http://{address}/api/auth/register -H 'Content-Type: application/json' \\\n    \
         -d '{{\"email\": \"you@example.org\", \"password\": \"at least 8 characters\"}}'\n\
         or, without the server: clipmill clip URL --from 1:00 --to 2:00\n\
         the API: http://{address}/openapi.json   health: http://{address}/readyz"
    )?;
    out.flush()?;
    Ok(())
}

fn signalled() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
