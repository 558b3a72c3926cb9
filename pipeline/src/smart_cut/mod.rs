//! The exact cut at nearly the cost of a copy: only the frames between the cut
//! and the next keyframe, and the few at the end that reordering demands, are
//! encoded; all others are copied bit for bit.
//!
//! What is copied and how the rest must be encoded is worked out by
//! [`clipmill_media::smart_cut`]; here ffmpeg encodes the parts, the file is written,
//! and a decoder looks at its seams. Where any of it can't be done, the answer
//! is a reason, and the caller encodes everything.

use clipmill_core::{Code, Error};

mod check;
mod finish;
mod lead;
mod parts;
mod sound;
mod untied;

use std::path::{Path, PathBuf};

use clipmill_core::Timescale;
use clipmill_core::probe::{AudioStream, Container};
use clipmill_media::mp4::Mp4;
use clipmill_media::mux::{self, OutTrack};
use clipmill_media::smart_cut::{self, FileTrack, SmartCut};
use clipmill_media::{ErrorKind, LocalFile, Track, container_format, matroska};
use clipmill_plugins::EncodePlan;

pub(super) use self::finish::finish;
use super::index::SampleIndex;
use super::{Encoded, Fetched, render, workspace};
use crate::context::PipelineContext;
use crate::ffmpeg::Input;
use crate::stages::{ExactFrames, PartEncode};

/// A cut that is wanted.
pub(super) struct Job<'a> {
    pub fetched: &'a Fetched,
    /// The picture's file.
    pub input: &'a Input,
    /// The sound's file, when it is another one.
    pub audio: Option<&'a Input>,
    /// The sounds that are kept.
    pub sounds: &'a [AudioStream],
    /// The samples of the picture's file.
    pub index: &'a SampleIndex,
    /// Which frames.
    pub exact: ExactFrames,
    /// File format of the result, and how a sound is encoded that can't be copied.
    pub plan: &'a EncodePlan,
}

/// What became of it.
pub(super) enum Outcome {
    /// The file, checked.
    Made(Box<Encoded>),
    /// All of it is before the next keyframe, so that there is nothing to copy.
    Short,
    /// Why all of it has to be encoded, for people.
    Unfit(String),
}

/// Why a cut is not made.
enum Trouble {
    /// There is nothing to copy.
    Short,
    /// It can't be made this way; another way may do.
    Unfit(String),
    /// Nothing can be made now.
    Failed(Error),
}

impl From<clipmill_media::Error> for Trouble {
    fn from(error: clipmill_media::Error) -> Trouble {
        match error.kind {
            ErrorKind::Read => Trouble::Failed(unreadable(&error)),
            _ => Trouble::Unfit(error.what),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        match error.code {
            Code::EncodeFailed | Code::NotMedia => Trouble::Unfit(error.message),
            _ => Trouble::Failed(error),
        }
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Trouble {
        Trouble::Failed(workspace::explain(&error))
    }
}

impl From<mux::WriteError> for Trouble {
    fn from(error: mux::WriteError) -> Trouble {
        match error {
            mux::WriteError::Io(error) => error.into(),
            mux::WriteError::Media(error) => error.into(),
        }
    }
}

fn unreadable(error: &clipmill_media::Error) -> Error {
    tracing::error!(%error, "a work file can't be read");
    Error::later(Code::Internal, "a file on this server could not be read")
}

/// Cuts, or says why that can't be.
///
/// # Errors
/// What keeps any other way from being taken as well: `disk_full`,
/// `tool_missing`, `stage_timeout`, `internal`.
pub(super) async fn cut(context: &PipelineContext, job: &Job<'_>) -> Result<Outcome, Error> {
    match make(context, job).await {
        Ok(encoded) => Ok(Outcome::Made(Box::new(encoded))),
        Err(Trouble::Short) => Ok(Outcome::Short),
        Err(Trouble::Unfit(why)) => Ok(Outcome::Unfit(why)),
        Err(Trouble::Failed(error)) => Err(error),
    }
}

/// Encodes the head of a cut of which only the bytes before `here` are there;
/// none when there is no head, or it needs more.
///
/// # Errors
/// When it can't be made; the cut itself will say why.
pub(super) async fn head(
    context: &PipelineContext,
    job: &Job<'_>,
    here: u64,
) -> Result<Option<PartEncode>, Error> {
    let made = async {
        let (track, cut) = prepared(job, Some(here)).await?;
        parts::ahead(context, job, &track, &cut, here).await
    };
    match made.await {
        Ok(order) => Ok(order),
        Err(Trouble::Failed(error)) => Err(error),
        Err(Trouble::Short | Trouble::Unfit(_)) => Ok(None),
    }
}

/// What is copied and what is encoded; with `here` as far as can be told from
/// the bytes before that place.
async fn prepared(job: &Job<'_>, here: Option<u64>) -> Result<(Track, SmartCut), Trouble> {
    let track = job.index.video_track(&job.fetched.media.video).ok_or_else(|| {
        Trouble::Unfit("the file's own index does not say where its frames are".to_owned())
    })?;
    let (track, from, to) = window(job, track)?;
    let source = job.index.file.clone();
    let (track, cut) = blocking(move |runtime| {
        let cut = match here {
            Some(here) => {
                let source = source.until(here);
                runtime.block_on(smart_cut::prepare_early(&source, &track, from, to))?
            }
            None => runtime.block_on(smart_cut::prepare(&source, &track, from, to))?,
        };
        Ok((track, cut))
    })
    .await?;
    if cut.plan.body.is_empty() {
        return Err(Trouble::Short);
    }
    Ok((track, cut))
}

async fn make(context: &PipelineContext, job: &Job<'_>) -> Result<Encoded, Trouble> {
    let (track, cut) = prepared(job, None).await?;
    let parts = parts::encode(context, job, &track, &cut);
    let sounds = sound::sounds(context, job);
    let (parts, sounds) = tokio::try_join!(parts, sounds)?;
    let (copied, encoded) = (cut.plan.body.len(), cut.plan.encoded_frames());
    tracing::info!(copied, encoded, "cutting without encoding all of it");
    let extension = render::extension(job.plan.container);
    let path = job.fetched.folder.join(format!("encoded.{extension}"));
    let looks = write(job, track, cut, parts, sounds, &path).await?;
    let (probe, looked) = tokio::join!(context.tools.probe(&path), looks.check(context, &path));
    looked?;
    let probe = probe.map_err(|_| Trouble::Unfit("the result can't be read back".to_owned()))?;
    let (extension, copied) = (extension.to_owned(), u64::try_from(copied).ok());
    Ok(Encoded { path, extension, probe, note: None, copied_frames: copied })
}

/// The track with the times that the result gets, and the window in them.
fn window(job: &Job<'_>, track: &Track) -> Result<(Track, i64, i64), Trouble> {
    let rank = |track: &Track, ticks: i64| {
        track.samples.iter().filter(|sample| sample.pts < ticks).count()
    };
    let window = job.exact.window;
    let from = rank(track, window.start_pts);
    let to = window.end_pts.map(|pts| rank(track, pts));
    let mut track = track.clone();
    // Matroska rounds to milliseconds, which an MP4 need not.
    if job.plan.container == Container::Mp4 && track.entry.is_none() {
        matroska::snap_to_grid(&mut track);
    }
    let mut times: Vec<i64> = track.samples.iter().map(|sample| sample.pts).collect();
    times.sort_unstable();
    let first = times.get(from).copied();
    let end = to.and_then(|to| times.get(to).copied()).unwrap_or(i64::MAX);
    first
        .map(|first| (track, first, end))
        .ok_or_else(|| Trouble::Unfit("the frames are not where the index says".to_owned()))
}

/// Where the parts of the picture lie in the result.
struct Picture {
    timescale: Timescale,
    /// Times of all frames, ticks, in the order of presentation.
    times: Vec<i64>,
    /// Keyframes' times, ticks.
    keys: Vec<i64>,
    /// Frames that were encoded, at the beginning and at the end.
    encoded: (usize, usize),
}

impl Picture {
    fn of(track: &OutTrack, encoded: (usize, usize)) -> Picture {
        let mut times: Vec<i64> = track.samples.iter().map(|sample| sample.pts).collect();
        times.sort_unstable();
        let keys = track.samples.iter().filter(|sample| sample.sync);
        let keys = keys.map(|sample| sample.pts).collect();
        Picture { timescale: track.track.timescale, times, keys, encoded }
    }
}

/// What is to be looked at before anybody gets the result.
struct Looks {
    /// The result.
    picture: Picture,
    /// Its end, where that can't be looked at in the result.
    ending: Option<untied::Ending>,
    /// What headers of frames were changed for, and must not have changed.
    proof: Option<untied::Proof>,
}

impl Looks {
    async fn check(&self, context: &PipelineContext, path: &Path) -> Result<(), Trouble> {
        let ending = async {
            match &self.ending {
                Some(ending) => check::seams(context, &ending.path, &ending.picture).await,
                None => Ok(()),
            }
        };
        let proof = async {
            match &self.proof {
                Some(proof) => proof.check(context).await,
                None => Ok(()),
            }
        };
        tokio::try_join!(check::seams(context, path, &self.picture), ending, proof)?;
        Ok(())
    }
}

/// Writes the result, and what is needed to look at it.
async fn write(
    job: &Job<'_>,
    track: Track,
    cut: SmartCut,
    parts: parts::Parts,
    sounds: sound::Sounds,
    path: &Path,
) -> Result<Looks, Trouble> {
    let source = job.index.file.clone();
    let folder = job.fetched.folder.clone();
    let (container, path) = (job.plan.container, PathBuf::from(path));
    blocking(move |runtime| {
        let picture = runtime.block_on(smart_cut::join(
            &cut,
            FileTrack { file: &source, track: &track },
            parts.head.as_ref().map(|part| part.file_track()),
            parts.tail.as_ref().map(|part| part.file_track()),
        ))?;
        // Files 0, 1 and 2 are the source, the head and the tail; a part that
        // is not there is named by nobody.
        let of =
            |part: &Option<parts::Part>| part.as_ref().map_or(source.clone(), |p| p.file.clone());
        let (head, tail) = (of(&parts.head), of(&parts.tail));
        let mut files: Vec<&LocalFile> = vec![&source, &head, &tail];
        files.extend(sounds.file.as_ref());
        let proof = untied::proof(&cut, &track, &picture, &files, &folder)?;
        let ending = untied::ending(&cut, &track, &picture, &files, &folder)?;
        let at_end = if ending.is_some() { 0 } else { cut.plan.tail.len() };
        let told = Picture::of(&picture, (cut.plan.head.len(), at_end));
        let tracks: Vec<OutTrack> = std::iter::once(picture).chain(sounds.tracks).collect();
        put(container, &path, &tracks, &files)?;
        Ok(Looks { picture: told, ending, proof })
    })
    .await
}

/// Writes a file of these tracks, under a name that nothing has: what an
/// interrupted attempt left is removed and not written over.
fn put(
    container: Container,
    path: &Path,
    tracks: &[OutTrack],
    files: &[&LocalFile],
) -> Result<(), Trouble> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let files: Vec<&std::fs::File> = files.iter().map(|file| file.file()).collect();
    let mut out = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create_new(path)?);
    container_format(container).unwrap_or(&Mp4).write(&mut out, tracks, &files)?;
    out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    Ok(())
}

/// Runs what reads and writes files where that keeps nobody waiting.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce(&tokio::runtime::Handle) -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    let runtime = tokio::runtime::Handle::current();
    match tokio::task::spawn_blocking(move || work(&runtime)).await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!(%error, "a cut ended early");
            Err(Trouble::Failed(Error::later(Code::Internal, "the cut could not be made")))
        }
    }
}
