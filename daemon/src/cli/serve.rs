//! `clipmill serve`: starts the daemon, runs it, and stops it.

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clipmill_core::{Clock, ClockOffset};
use rustix::fs::{FlockOperation, flock};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::error::CommandError;
use super::marks::check_store_marks;
use super::plugin::{self, PluginObserver};
use super::setup;
use crate::app::{App, Signals};
use crate::auth::{Passwords, Tokens};
use crate::config::{Config, LoadedConfig, jwt_secrets};
use crate::http;
use crate::node;
use crate::telemetry::{Metrics, init_logging};
use crate::worker::{Pool, measure_offset, sweep_stores, sweep_work};

/// Attempts at the lock of the data folder: a command that checks whether a
/// daemon runs holds it for a moment.
const LOCK_ATTEMPTS: usize = 3;
/// The pause between two of them.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Runs the daemon until a signal ends it.
pub async fn run(loaded: LoadedConfig, adopt_stores: bool) -> Result<(), CommandError> {
    init_logging(&loaded.config.log)?;
    match &loaded.file {
        Some(file) => tracing::info!(config.file = %file.display(), "configuration read"),
        None => tracing::info!("no configuration file; defaults and environment"),
    }
    loaded.notes.iter().for_each(|note| tracing::warn!("{note}"));
    let config = loaded.config;
    let _lock = lock(&config)?;
    plugin::remove_snapshot(&config);
    let listener = listen(config.server.listen).await?;
    let metrics = Arc::<Metrics>::default();
    let observer = Arc::new(PluginObserver::new(metrics.clone()));
    let app = Arc::new(build_app(config, metrics, observer.clone(), adopt_stores).await?);
    recover(&app).await?;
    let plugin_tasks = plugin::watch(&app, &observer);
    welcome(&listener)?;
    serve(app.clone(), listener, stop_signal()?).await?;
    drop(plugin_tasks);
    app.storage.close().await;
    tracing::info!("stopped");
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address).await.map_err(|error| {
        CommandError::usage(format!(
            "can't listen on {address}: {error}; set server.listen to another"
        ))
    })
}

/// Opens everything that the daemon works with.
async fn build_app(
    config: Config,
    metrics: Arc<Metrics>,
    observer: Arc<PluginObserver>,
    adopt_stores: bool,
) -> Result<App, CommandError> {
    let clock_offset = ClockOffset::default();
    let clock = Clock::with_offset(clock_offset.clone());
    // All three wait for something else than the processor.
    let (storage, engine, stores) = tokio::try_join!(
        setup::storage(&config),
        setup::media_engine(&config, setup::PluginUse::Served(observer), clock.clone()),
        setup::stores(&config)
    )?;
    if config.storage.is_shared() {
        check_store_marks(&*storage, &stores, adopt_stores).await?;
    }
    measure_offset(&clock_offset, &*storage).await?;
    std::fs::create_dir_all(config.folders.work())?;
    Ok(App {
        node: node::name(&config.folders.data)?,
        tokens: Tokens::new(&jwt_secrets(&config)?, &config.auth),
        passwords: Passwords::new(config.auth.bcrypt_cost),
        clock,
        signals: Signals::default(),
        config,
        storage,
        stores,
        engine,
        metrics,
        clock_offset,
    })
}

/// Takes back the jobs that this daemon had when it ended last, and removes the
/// files that a crash left.
async fn recover(app: &App) -> Result<(), CommandError> {
    let reclaimed = app.storage.reclaim(&app.node, app.clock.now()).await?;
    if reclaimed > 0 {
        tracing::info!(
            jobs = reclaimed,
            "returned the jobs that this daemon was running when it ended to the queue"
        );
    }
    let mut swept = sweep_work(app).await?;
    // The sweeper does this for stores that other daemons write to as well: only
    // it waits until a file is too old to be in the making.
    if !app.config.storage.is_shared() && app.config.artifacts.url.is_none() {
        swept += sweep_stores(app, Duration::ZERO).await?;
    }
    if swept > 0 {
        tracing::info!(files = swept, "removed files that a crash left behind");
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
) -> Result<(), CommandError> {
    let workers = Pool::start(&app);
    let server = http::serve(app.clone(), listener, app.signals.stopping.clone().cancelled_owned());
    let deadline = Duration::from_secs(app.config.server.stop_seconds);
    tokio::pin!(server);
    tokio::select! {
        ended = &mut server => ended?,
        () = shutdown => {
            tracing::info!("stopping");
            app.signals.stopping.cancel();
            let (served, ()) = tokio::join!(server, workers.stop(deadline));
            served?;
        }
    }
    Ok(())
}

/// Locks the data folder: a second daemon would remove the first one's files.
fn lock(config: &Config) -> Result<File, CommandError> {
    std::fs::create_dir_all(&config.folders.data)?;
    let file = File::create(config.folders.data.join("clipmill.lock"))?;
    for _ in 0..LOCK_ATTEMPTS {
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return Ok(file);
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    Err(CommandError::usage(format!(
        "another clipmill uses the data folder {}; stop it or set folders.data",
        config.folders.data.display()
    )))
}

/// Prints what a person sees first, and what scripts wait for.
fn welcome(listener: &TcpListener) -> Result<(), CommandError> {
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

fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, CommandError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
