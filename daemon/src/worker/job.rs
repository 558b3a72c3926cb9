//! One claimed job, from its claim to its record.

use std::time::{Duration, Instant};

use clipmill_core::{Code, Error, Span};
use clipmill_pipeline::{ProgressReporter, Retained};
use clipmill_storage::{Claimed, Finished, JobUpdate, LeaseHeld, Origin, Stage, StoredFile};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::heartbeat::{Interruption, keep_lease};
use super::outcome;
use super::request::job_request;
use crate::app::App;
use crate::telemetry::ByteFlow;

/// A job that this worker has claimed.
#[derive(Debug)]
pub struct ClaimedJob {
    /// The record and the lease.
    pub claimed: Claimed,
    /// How long the job was due before it was claimed.
    pub queue_time: Duration,
}

/// What came out of the stages, for the record and the log.
struct Produced {
    retained: Retained,
    span: Option<Span>,
    received_bytes: u64,
    note: Option<String>,
}

/// Why the stages ended early.
enum Stopped {
    Failed(Error),
    LeaseLost,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Stopped {
        Stopped::Failed(error)
    }
}

impl ClaimedJob {
    /// The span under which everything that happens to the job is logged.
    pub fn log_span(&self) -> tracing::Span {
        let video = &self.claimed.video;
        let url = match &video.origin {
            Origin::Clip(clip) => Url::parse(&clip.url).ok(),
            Origin::Upload(_) => None,
        };
        tracing::info_span!(
            "job",
            job.id = %video.id,
            user.id = %video.user_id,
            url.host = url.as_ref().and_then(Url::host_str),
        )
    }

    fn queue_ms(&self) -> u64 {
        self.queue_time.as_millis() as u64
    }
}

/// Works on a job until it is finished, failed, given back or taken away.
pub async fn run_job(app: &App, job: ClaimedJob, stop: &CancellationToken) {
    let claimed = &job.claimed;
    if claimed.video.job.attempts > app.config.workers.max_attempts {
        let error = Error::never(
            Code::TooManyAttempts,
            "every attempt ended before its time, the last one with the daemon itself",
        );
        outcome::record_failure(app, claimed, error).await;
        return clean_up(app, claimed).await;
    }
    log_start(&job);
    let progress = ProgressReporter::default();
    let started = Instant::now();
    // Dropping the stages kills the processes that they started.
    let ended = tokio::select! {
        produced = run_stages(app, claimed, &progress) => Ok(produced),
        interruption = keep_lease(app, claimed, progress.watch()) => Err(Some(interruption)),
        () = stop.cancelled() => Err(None),
    };
    match ended {
        Ok(Ok(produced)) => {
            if finish(app, claimed, &produced.retained).await {
                log_end(&job, &produced, started.elapsed());
            }
        }
        Ok(Err(Stopped::Failed(error))) => {
            if outcome::record_failure(app, claimed, error).await {
                clean_up(app, claimed).await;
            }
        }
        Ok(Err(Stopped::LeaseLost)) | Err(Some(Interruption::LeaseLost)) => {
            tracing::warn!("the worker lost its lease; another one may have the job");
            leave(app, claimed).await;
        }
        Err(Some(Interruption::Cancelled)) => {
            outcome::record_cancel(app, claimed).await;
            clean_up(app, claimed).await;
        }
        // The fetched files stay in the work folder for the next attempt.
        Err(None) => outcome::give_back(app, claimed).await,
    }
}

fn log_start(job: &ClaimedJob) {
    let video = &job.claimed.video;
    let span = match &video.origin {
        Origin::Clip(clip) => clip.span,
        Origin::Upload(_) => None,
    };
    tracing::info!(
        job.attempt = video.job.attempts,
        queue_ms = job.queue_ms(),
        span.start_seconds = span.map(|span| span.start),
        span.end_seconds = span.map(|span| span.end),
        "job started"
    );
}

fn log_end(job: &ClaimedJob, produced: &Produced, duration: Duration) {
    tracing::info!(
        job.attempt = job.claimed.video.job.attempts,
        queue_ms = job.queue_ms(),
        duration_ms = duration.as_millis() as u64,
        received_bytes = produced.received_bytes,
        size_bytes = produced.retained.size,
        span.start_seconds = produced.span.map(|span| span.start),
        span.end_seconds = produced.span.map(|span| span.end),
        note = produced.note.as_deref(),
        "job completed"
    );
}

async fn run_stages(
    app: &App,
    claimed: &Claimed,
    progress: &ProgressReporter,
) -> Result<Produced, Stopped> {
    let request = job_request(app, &claimed.video)?;
    let pipeline = &app.engine.pipeline;
    let stage = |stage| JobUpdate { stage: Some(stage), ..JobUpdate::default() };

    checkpoint(app, claimed, stage(Stage::Fetch)).await?;
    let fetched = timed(app, Stage::Fetch, pipeline.fetch(request, progress)).await?;
    let span = fetched.span;
    let received_bytes = fetched.received_bytes;
    app.metrics.bytes(ByteFlow::Fetched, received_bytes);
    let trim = JobUpdate {
        stage: Some(Stage::Trim),
        span,
        available_formats: fetched.available_formats.clone(),
        note: fetched.note.clone(),
    };

    checkpoint(app, claimed, trim).await?;
    let trimmed = timed(app, Stage::Trim, pipeline.trim(fetched)).await?;

    checkpoint(app, claimed, stage(Stage::Transcode)).await?;
    let encoded = timed(app, Stage::Transcode, pipeline.transcode(trimmed, progress)).await?;
    let note = encoded.note.clone();
    let retain =
        JobUpdate { stage: Some(Stage::Retain), note: note.clone(), ..JobUpdate::default() };

    checkpoint(app, claimed, retain).await?;
    // A key of its own for each claim: a late worker never overwrites the file
    // of the one that took over, and an older rendition stays whole until the
    // record names the new one.
    let key = format!("{}-{}.{}", claimed.video.id, claimed.lease.id, encoded.extension);
    let retaining = pipeline.retain(encoded, &key, &app.stores.files);
    let retained = timed(app, Stage::Retain, retaining).await?;
    app.metrics.bytes(ByteFlow::Retained, retained.size);
    Ok(Produced { retained, span, received_bytes, note })
}

/// Runs a stage within its deadline and notes how long it took.
async fn timed<T>(
    app: &App,
    stage: Stage,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let started = Instant::now();
    let deadline = app.engine.pipeline.stage_deadline();
    let ended = tokio::time::timeout(deadline, work).await.unwrap_or_else(|_| {
        Err(Error::never(Code::StageTimeout, "it took longer than this server allows"))
    });
    app.metrics.stage(stage, started.elapsed());
    ended
}

/// Writes which stage starts.
async fn checkpoint(app: &App, claimed: &Claimed, update: JobUpdate) -> Result<(), Stopped> {
    match app.storage.update_job(claimed.video.id, claimed.lease.id, update).await {
        // The heartbeat acts on a cancel.
        Ok(LeaseHeld::Yes | LeaseHeld::CancelRequested) => Ok(()),
        Ok(LeaseHeld::Lost) => Err(Stopped::LeaseLost),
        // Only readers of the record use it; the work does not wait for it.
        Err(error) => {
            tracing::warn!(%error, "the worker could not write which stage starts");
            Ok(())
        }
    }
}

/// Writes the finished file to the record. Returns whether the record has it.
async fn finish(app: &App, claimed: &Claimed, retained: &Retained) -> bool {
    let now = app.clock.now();
    let done = Finished {
        file: StoredFile { file_path: retained.key.clone(), file_size_bytes: retained.size },
        now,
        expires_at: now + outcome::retention(app),
    };
    let id = claimed.video.id;
    let lease = claimed.lease.id;
    let write = || app.storage.finish(id, lease, done.clone());
    match outcome::write_through_outage("the finished file", write).await {
        Some(LeaseHeld::Yes | LeaseHeld::CancelRequested) => {
            if let Some(old) = &claimed.video.file {
                discard(app, &old.file_path).await;
            }
            clean_up(app, claimed).await;
            true
        }
        Some(LeaseHeld::Lost) => {
            tracing::warn!("the worker lost its lease before it could write the record");
            discard(app, &retained.key).await;
            false
        }
        // The record still says processing: when the lease ends, a worker does the
        // job again, and the sweeper removes the file as an orphan.
        None => false,
    }
}

async fn discard(app: &App, key: &str) {
    if let Err(error) = app.stores.files.delete(key).await {
        tracing::warn!(%error, "the worker could not remove a file; the sweeper tries again");
    }
}

/// Removes the work folder of a job that another daemon has, or none any more.
/// Where this daemon may have claimed the job again, the folder stays.
async fn leave(app: &App, claimed: &Claimed) {
    let Ok(record) = app.storage.video(claimed.video.id).await else { return };
    let lease = record.and_then(|video| video.job.lease);
    if lease.is_none_or(|lease| lease.owner != app.node) {
        remove_work_folder(app, claimed).await;
    }
}

/// Removes the work folder and the progress of a job that has ended.
async fn clean_up(app: &App, claimed: &Claimed) {
    remove_work_folder(app, claimed).await;
    if let Err(error) = app.storage.clear_progress(claimed.video.id).await {
        tracing::debug!(%error, "the worker could not clear the job's progress");
    }
}

async fn remove_work_folder(app: &App, claimed: &Claimed) {
    let folder = app.config.folders.work().join(claimed.video.id.to_string());
    if let Err(error) = tokio::fs::remove_dir_all(&folder).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "the worker could not remove the job's work folder");
    }
}
