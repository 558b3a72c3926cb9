//! One claimed job, from its claim to its record.

use std::time::Instant;

use clipmill_core::{Code, Error};
use clipmill_pipeline::{ProgressReporter, Retained};
use clipmill_storage::{Claimed, Finished, JobUpdate, LeaseHeld, Stage, StoredFile};
use tokio_util::sync::CancellationToken;

use super::heart::{self, Interruption};
use super::{ask, outcome};
use crate::app::App;
use crate::telemetry::ByteFlow;

/// Works on a job until it is finished, failed, given back or taken away.
pub async fn work(app: &App, claimed: Claimed, stop: &CancellationToken) {
    if claimed.video.job.attempts > app.config.workers.max_attempts {
        let error = Error::never(
            Code::TooManyAttempts,
            "every attempt ended before its time, the last one with the daemon itself",
        );
        outcome::failed(app, &claimed, error).await;
        return clean(app, &claimed).await;
    }
    tracing::info!(job.attempt = claimed.video.job.attempts, "job claimed");
    let progress = ProgressReporter::default();
    let begun = Instant::now();
    // Dropping the walk kills the processes that it started.
    let ended = tokio::select! {
        walked = walk(app, &claimed, &progress) => Ok(walked),
        interruption = heart::beat(app, &claimed, progress.watch()) => Err(Some(interruption)),
        () = stop.cancelled() => Err(None),
    };
    match ended {
        Ok(Ok(retained)) => finish(app, &claimed, retained, begun).await,
        Ok(Err(Walk::Failed(error))) => {
            if outcome::failed(app, &claimed, error).await {
                clean(app, &claimed).await;
            }
        }
        Ok(Err(Walk::LeaseLost)) | Err(Some(Interruption::LeaseLost)) => {
            tracing::warn!("the lease was lost; another worker may have the job");
            leave(app, &claimed).await;
        }
        Err(Some(Interruption::Cancelled)) => {
            outcome::stopped(app, &claimed).await;
            clean(app, &claimed).await;
        }
        // What was fetched stays in the work folder for the next attempt.
        Err(None) => outcome::released(app, &claimed).await,
    }
}

/// Why a walk ended early.
enum Walk {
    Failed(Error),
    LeaseLost,
}

impl From<Error> for Walk {
    fn from(error: Error) -> Walk {
        Walk::Failed(error)
    }
}

async fn walk(app: &App, claimed: &Claimed, progress: &ProgressReporter) -> Result<Retained, Walk> {
    let ask = ask::of(app, &claimed.video)?;
    let stage = |stage| JobUpdate { stage: Some(stage), ..JobUpdate::default() };

    checkpoint(app, claimed, stage(Stage::Fetch)).await?;
    let fetched = timed(app, Stage::Fetch, app.engine.pipeline.fetch(ask, progress)).await?;
    app.metrics.bytes(ByteFlow::Fetched, fetched.received_bytes);
    let trim = JobUpdate {
        stage: Some(Stage::Trim),
        span: fetched.span,
        available_formats: fetched.available_formats.clone(),
        note: fetched.note.clone(),
    };

    checkpoint(app, claimed, trim).await?;
    let cut = timed(app, Stage::Trim, app.engine.pipeline.trim(fetched)).await?;

    checkpoint(app, claimed, stage(Stage::Transcode)).await?;
    let encoded =
        timed(app, Stage::Transcode, app.engine.pipeline.transcode(cut, progress)).await?;
    let retain = JobUpdate {
        stage: Some(Stage::Retain),
        note: encoded.note.clone(),
        ..JobUpdate::default()
    };

    checkpoint(app, claimed, retain).await?;
    // A key of its own for each claim: a late worker never overwrites the file
    // of the one that took over, and an older rendition stays whole until the
    // record names the new one.
    let key = format!("{}-{}.{}", claimed.video.id, claimed.lease.id, encoded.extension);
    let retained =
        timed(app, Stage::Retain, app.engine.pipeline.retain(encoded, &key, &app.stores.files))
            .await?;
    app.metrics.bytes(ByteFlow::Retained, retained.size);
    Ok(retained)
}

async fn timed<T>(
    app: &App,
    stage: Stage,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let begun = Instant::now();
    let deadline = app.engine.pipeline.stage_deadline();
    let ended = tokio::time::timeout(deadline, work).await.unwrap_or_else(|_| {
        Err(Error::never(Code::StageTimeout, "it took longer than this server allows"))
    });
    app.metrics.stage(stage, begun.elapsed());
    ended
}

async fn checkpoint(app: &App, claimed: &Claimed, update: JobUpdate) -> Result<(), Walk> {
    match app.storage.update_job(claimed.video.id, claimed.lease.id, update).await {
        // A cancel is the heart's to act on.
        Ok(LeaseHeld::Yes | LeaseHeld::CancelRequested) => Ok(()),
        Ok(LeaseHeld::Lost) => Err(Walk::LeaseLost),
        // A checkpoint is only told to readers; the work need not wait for it.
        Err(error) => {
            tracing::warn!(%error, "a checkpoint was not written");
            Ok(())
        }
    }
}

async fn finish(app: &App, claimed: &Claimed, retained: Retained, begun: Instant) {
    let Retained { key, size } = retained;
    let now = app.clock.now();
    let done = Finished {
        file: StoredFile { file_path: key.clone(), file_size_bytes: size },
        now,
        expires_at: now + outcome::retention(app),
    };
    let (id, lease) = (claimed.video.id, claimed.lease.id);
    let written = outcome::persist("finish", || app.storage.finish(id, lease, done.clone())).await;
    match written {
        Some(LeaseHeld::Yes | LeaseHeld::CancelRequested) => {
            tracing::info!(
                duration_ms = begun.elapsed().as_millis() as u64,
                size_bytes = size,
                "job completed"
            );
            if let Some(old) = &claimed.video.file {
                discard(app, &old.file_path).await;
            }
            clean(app, claimed).await;
        }
        Some(LeaseHeld::Lost) => {
            tracing::warn!("the lease was lost before the record was written");
            discard(app, &key).await;
        }
        // The record still says processing: when the lease is over the job is
        // done again, and the file is swept as an orphan.
        None => {}
    }
}

async fn discard(app: &App, key: &str) {
    if let Err(error) = app.stores.files.delete(key).await {
        tracing::warn!(%error, "an old file was not removed");
    }
}

/// Removes what was half-made of a job that another daemon has, or nobody any
/// more. What this one may have claimed again stays, to go on from.
async fn leave(app: &App, claimed: &Claimed) {
    let Ok(record) = app.storage.video(claimed.video.id).await else { return };
    let lease = record.and_then(|video| video.job.lease);
    if lease.is_none_or(|lease| lease.owner != app.node) {
        remove_work(app, claimed).await;
    }
}

/// Removes the work folder and the progress of a job that has ended.
async fn clean(app: &App, claimed: &Claimed) {
    remove_work(app, claimed).await;
    if let Err(error) = app.storage.clear_progress(claimed.video.id).await {
        tracing::debug!(%error, "progress was not cleared");
    }
}

async fn remove_work(app: &App, claimed: &Claimed) {
    let folder = app.config.folders.work().join(claimed.video.id.to_string());
    if let Err(error) = tokio::fs::remove_dir_all(&folder).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "the work folder was not removed");
    }
}
