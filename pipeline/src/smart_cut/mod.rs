//! Smart cut: the exact cut at nearly the cost of a stream copy. Only the frames
//! between the cut and the next keyframe (the head), and the few at the end that
//! reordering demands (the tail), are re-encoded; all others (the body) are copied
//! bit for bit.
//!
//! ```text
//! source    ..K....|.....K.............K......|....K..
//!                  | head|         body   tail|
//! prepare   what is copied, how the rest must be encoded  (clipmill_media::smart_cut)
//! parts     ffmpeg encodes head and tail out of their GOP pre-roll
//! audio     copied packets, or re-encoded
//! look      ffprobe, which is another reader, lists the same frames of the source
//! write     one file of all parts
//! verify    a decoder goes over both splices
//! ```
//!
//! Where any of it can't be done, the outcome is a reason, and the caller encodes
//! all of the span.

mod audio;
mod job;
mod open_gop_check;
mod parts;
mod preroll;
mod priming;
mod verify;
mod write;

use std::path::{Path, PathBuf};

use clipmill_core::Error;
use clipmill_core::probe::Container;
use clipmill_media::mux::OutTrack;
use clipmill_media::smart_cut::{self, FileTrack};
use clipmill_media::{LocalFile, Track, matroska};

use self::audio::{CutAudio, cut_audio_tracks};
use self::job::{PreparedCut, SmartCutError};
pub(crate) use self::job::{SmartCutJob, SmartCutOutcome};
use self::open_gop_check::{JoinedVideo, RewriteCheck, TailCheck};
use self::parts::{EncodedPartFile, EncodedParts, encode_parts};
pub(crate) use self::priming::drop_priming;
use self::verify::{EncodedEnds, SplicedTimes, verify_frame_times, verify_splices};
use self::write::{run_blocking, write_file};
use crate::context::PipelineContext;
use crate::recipe;
use crate::stages::{Encoded, PartEncode};

/// Cuts, or reports why that can't be done.
///
/// # Errors
/// What keeps an encode of the whole span from succeeding as well: `disk_full`,
/// `tool_missing`, `stage_timeout`, `internal`.
pub(crate) async fn smart_cut(job: &SmartCutJob<'_>) -> Result<SmartCutOutcome, Error> {
    match cut(job).await {
        Ok(encoded) => Ok(SmartCutOutcome::Encoded(Box::new(encoded))),
        Err(SmartCutError::NothingToCopy) => Ok(SmartCutOutcome::NothingToCopy),
        Err(SmartCutError::Unfit(why)) => Ok(SmartCutOutcome::Unfit(why)),
        Err(SmartCutError::Failed(error)) => Err(error),
    }
}

/// Early start: encodes the head of a cut of which only the bytes before `here` are
/// there; none when there is no head, or it needs more.
///
/// # Errors
/// When it can't be encoded; the cut itself will report why.
pub(crate) async fn encode_head_early(
    job: &SmartCutJob<'_>,
    here: u64,
) -> Result<Option<PartEncode>, Error> {
    let encode = async {
        let prepared = prepare(job, Some(here)).await?;
        parts::encode_head_early(job, &prepared, here).await
    };
    match encode.await {
        Ok(encode) => Ok(encode),
        Err(SmartCutError::Failed(error)) => Err(error),
        Err(SmartCutError::NothingToCopy | SmartCutError::Unfit(_)) => Ok(None),
    }
}

async fn cut(job: &SmartCutJob<'_>) -> Result<Encoded, SmartCutError> {
    let prepared = prepare(job, None).await?;
    let (parts, audio, ()) = tokio::try_join!(
        encode_parts(job, &prepared),
        cut_audio_tracks(job),
        verify_frame_times(job),
    )?;
    let copied = prepared.cut.plan.body.len();
    let encoded = prepared.cut.plan.encoded_frames();
    tracing::debug!(copied, encoded, "smart cut: frames that are copied and re-encoded");
    let extension = recipe::extension(job.plan.container).to_owned();
    let path = job.fetched.folder.join(format!("encoded.{extension}"));
    let checks = write(job, prepared, parts, audio, &path).await?;
    let (probe, verified) =
        tokio::join!(job.context.tools.probe(&path), checks.verify(job.context, &path));
    verified?;
    let probe = probe.map_err(|_| SmartCutError::unfit("the result can't be read back"))?;
    let copied_frames = u64::try_from(copied).ok();
    Ok(Encoded { path, extension, probe, note: None, copied_frames })
}

/// What is copied and what is encoded; with `here` as far as the bytes before that
/// offset show it.
async fn prepare(job: &SmartCutJob<'_>, here: Option<u64>) -> Result<PreparedCut, SmartCutError> {
    let track = job.index.video_track(&job.fetched.media.video).ok_or_else(|| {
        SmartCutError::unfit("the file's own index does not say where its frames are")
    })?;
    let TrackWindow { track, from, to } = window(job, track)?;
    let source = job.index.file.clone();
    let prepared = run_blocking(move |runtime| {
        let cut = match here {
            Some(here) => {
                let source = source.until(here);
                runtime.block_on(smart_cut::prepare_early(&source, &track, from, to))?
            }
            None => runtime.block_on(smart_cut::prepare(&source, &track, from, to))?,
        };
        Ok(PreparedCut { track, cut })
    })
    .await?;
    if prepared.cut.plan.body.is_empty() {
        return Err(SmartCutError::NothingToCopy);
    }
    Ok(prepared)
}

/// A track with the timestamps that the result gets, and which of its frames are
/// wanted: those with `from <= pts < to`, ticks.
struct TrackWindow {
    track: Track,
    from: i64,
    to: i64,
}

fn window(job: &SmartCutJob<'_>, track: &Track) -> Result<TrackWindow, SmartCutError> {
    let frames_before =
        |ticks: i64| track.samples.iter().filter(|sample| sample.pts < ticks).count();
    let window = job.exact.window;
    let first = frames_before(window.start_pts);
    let end = window.end_pts.map(frames_before);
    let mut track = track.clone();
    // Matroska rounds to milliseconds, which an MP4 need not.
    if job.plan.container == Container::Mp4 && track.entry.is_none() {
        matroska::snap_to_grid(&mut track);
    }
    let mut times: Vec<i64> = track.samples.iter().map(|sample| sample.pts).collect();
    times.sort_unstable();
    let to = end.and_then(|end| times.get(end).copied()).unwrap_or(i64::MAX);
    let missing = || SmartCutError::unfit("the frames are not where the index says");
    let from = times.get(first).copied().ok_or_else(missing)?;
    Ok(TrackWindow { track, from, to })
}

/// What is verified before the result leaves the pipeline.
struct Checks {
    /// The splices of the result itself.
    result: SplicedTimes,
    /// Its end, where a decoder can't start inside the result before it.
    tail: Option<TailCheck>,
    /// That a rewritten open GOP shows the same as the source.
    rewrite: Option<RewriteCheck>,
}

impl Checks {
    async fn verify(&self, context: &PipelineContext, path: &Path) -> Result<(), SmartCutError> {
        let tail = async {
            match &self.tail {
                Some(check) => verify_splices(context, &check.path, &check.times).await,
                None => Ok(()),
            }
        };
        let rewrite = async {
            match &self.rewrite {
                Some(check) => check.verify(context).await,
                None => Ok(()),
            }
        };
        tokio::try_join!(verify_splices(context, path, &self.result), tail, rewrite)?;
        Ok(())
    }
}

/// Writes the result, and what is needed to verify it.
async fn write(
    job: &SmartCutJob<'_>,
    prepared: PreparedCut,
    parts: EncodedParts,
    audio: CutAudio,
    path: &Path,
) -> Result<Checks, SmartCutError> {
    let source = job.index.file.clone();
    let folder = job.fetched.folder.clone();
    let container = job.plan.container;
    let path = PathBuf::from(path);
    run_blocking(move |runtime| {
        let plan = &prepared.cut.plan;
        let video = runtime.block_on(smart_cut::join(
            &prepared.cut,
            FileTrack { file: &source, track: &prepared.track },
            parts.head.as_ref().map(EncodedPartFile::file_track),
            parts.tail.as_ref().map(EncodedPartFile::file_track),
        ))?;
        // Files 0, 1 and 2 are the source, the head and the tail, 3 that of the
        // audio; no sample is in a part that is not there.
        let file = |part: &Option<EncodedPartFile>| {
            part.as_ref().map_or_else(|| source.clone(), |part| part.file.clone())
        };
        let (head, tail) = (file(&parts.head), file(&parts.tail));
        let mut files: Vec<&LocalFile> = vec![&source, &head, &tail];
        files.extend(audio.file.as_ref());
        let joined =
            JoinedVideo { prepared: &prepared, track: &video, files: &files, folder: &folder };
        let rewrite = RewriteCheck::write(joined)?;
        let tail = TailCheck::write(joined)?;
        let encoded_tail = if tail.is_some() { 0 } else { plan.tail.len() };
        let ends = EncodedEnds { head: plan.head.len(), tail: encoded_tail };
        let result = SplicedTimes::new(&video, ends);
        let tracks: Vec<OutTrack> = std::iter::once(video).chain(audio.tracks).collect();
        write_file(container, &path, &tracks, &files)?;
        Ok(Checks { result, tail, rewrite })
    })
    .await
}
