//! Whether the daemon works: `/`, `/health`, `/healthz`, `/readyz`, `/metrics`.

use std::path::PathBuf;

use clipmill_core::disk::free;
use clipmill_core::process;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::error::Answer;
use super::reply;
use crate::app::App;

/// With less free disk than this, bytes, the daemon should get no new work.
const LEAST_FREE: u64 = 256 << 20;

#[derive(Serialize, ToSchema)]
#[schema(as = About)]
pub struct AboutBody {
    #[schema(example = "clipmill")]
    name: &'static str,
    version: &'static str,
    #[schema(example = "running")]
    status: &'static str,
    documentation: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
pub struct HealthBody {
    /// `healthy`; a process that answers at all answers so.
    #[schema(example = "healthy")]
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Readiness)]
pub struct ReadinessBody {
    ready: bool,
    /// What is wrong, human-readable.
    problems: Vec<String>,
}

/// What this is.
#[utoipa::path(
    get,
    path = "/",
    tag = "operation",
    responses((status = 200, description = "Name and version", body = AboutBody))
)]
pub async fn about(_: Call) -> Answer {
    let about = AboutBody {
        name: "clipmill",
        version: env!("CARGO_PKG_VERSION"),
        status: "running",
        documentation: "/openapi.json",
    };
    Ok(reply::json(StatusCode::OK, &about))
}

/// Whether the process answers.
#[utoipa::path(
    get,
    path = "/health",
    tag = "operation",
    responses((status = 200, description = "It does", body = HealthBody))
)]
pub async fn health(_: Call) -> Answer {
    Ok(reply::no_store(reply::json(StatusCode::OK, &HealthBody { status: "healthy" })))
}

/// Whether the process answers.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operation",
    responses((status = 200, description = "It does", body = HealthBody))
)]
pub async fn healthz(call: Call) -> Answer {
    health(call).await
}

/// Whether the daemon can work.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    responses(
        (status = 200, description = "All is well", body = ReadinessBody),
        (status = 503, description = "Something is wrong", body = ReadinessBody),
    )
)]
pub async fn readyz(call: Call) -> Answer {
    let mut problems = call.app.storage.problems().await;
    problems.extend(full_disks(&call.app));
    problems.extend(broken_stores(&call.app).await);
    problems.extend(missing_tools(&call.app));
    let ready = problems.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(reply::no_store(reply::json(status, &ReadinessBody { ready, problems })))
}

/// Counters in the text format of OpenMetrics.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    responses((
        status = 200,
        description = "Counters",
        body = String,
        content_type = "application/openmetrics-text"
    ))
)]
pub async fn metrics(call: Call) -> Answer {
    // The counters of this process matter most while the database is away.
    let depth = call.app.storage.active_jobs().await.ok().map(|jobs| jobs.len());
    let page = call.app.metrics.page(depth);
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(reply::typed(StatusCode::OK, content_type, page))
}

/// Folders on a full disk, by their purpose; clients don't get their paths.
fn full_disks(app: &App) -> Vec<String> {
    let folders = &app.config.folders;
    let mut used =
        vec![("the database", folders.data.clone()), ("half-made files", folders.work())];
    if app.config.artifacts.url.is_none() {
        used.extend([("finished files", folders.files()), ("uploads", folders.uploads())]);
    }
    let problem = |(name, folder): &(&str, PathBuf)| {
        // A folder that does not exist yet will be on the disk of the first one
        // above it that does.
        match folder.ancestors().find(|folder| folder.exists()).map(free) {
            Some(Ok(room)) if room < LEAST_FREE => {
                Some(format!("the folder for {name} has only {} MB of the disk left", room >> 20))
            }
            Some(Err(error)) => Some(format!("the folder for {name} can't be looked at: {error}")),
            Some(Ok(_)) | None => None,
        }
    };
    used.iter().filter_map(problem).collect()
}

/// What is wrong with the stores; once when it is the same for both.
async fn broken_stores(app: &App) -> Vec<String> {
    let (files, uploads) = tokio::join!(app.stores.files.problem(), app.stores.uploads.problem());
    let mut problems: Vec<_> = files.into_iter().chain(uploads).collect();
    problems.dedup();
    problems
}

fn missing_tools(app: &App) -> Vec<String> {
    let tools = &app.config.tools;
    let needed =
        [("ffmpeg", &tools.ffmpeg), ("ffprobe", &tools.ffprobe), ("yt-dlp", &tools.yt_dlp)];
    let missing = |(name, given): &(&str, &Option<PathBuf>)| {
        let found = process::find(name, given.as_deref());
        found.is_none().then(|| format!("{name} is not there; `clipmill doctor` tells more"))
    };
    needed.iter().filter_map(missing).collect()
}
