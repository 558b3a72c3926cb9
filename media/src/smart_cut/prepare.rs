//! Looking into a file before it is cut.

use bytes::Bytes;

use super::plan::candidates;
use super::untie::{Changed, untie};
use super::{Cut, Seam, av1, h264, hevc, plan, vpx};
use crate::{Codec, Error, ReadAt, Sample, Track, TrackKind};

/// Most bytes of a sample that are read to find its first frame's header:
/// captions and colours may be before it.
const BEGINNING: u32 = 64 * 1024;

/// Finds out how the frames with `from <= pts < to` (ticks of the track) are
/// cut, reading the keyframes in question and the beginnings of all units that
/// would be copied.
///
/// Without a usable keyframe in the span the plan's body is empty and its head
/// is everything; whether that is worth it is up to the caller.
///
/// # Errors
/// `Nothing` when no frame is within the span; `Unsupported` when it can't be
/// cut safely, with the reason; `Damaged` and `Read` as files go.
pub async fn prepare(file: &dyn ReadAt, track: &Track, from: i64, to: i64) -> Result<Cut, Error> {
    look(file, track, (from, to), usize::MAX).await
}

/// The same as [`prepare`], of a file of which only the bytes up to the first
/// usable keyframe are there: the other units that would be copied are taken to
/// be like that one, which they may turn out not to be.
///
/// # Errors
/// As [`prepare`].
pub async fn foresee(file: &dyn ReadAt, track: &Track, from: i64, to: i64) -> Result<Cut, Error> {
    look(file, track, (from, to), 1).await
}

/// Prepares a cut by so many of the samples that would be copied.
async fn look(
    file: &dyn ReadAt,
    track: &Track,
    (from, to): (i64, i64),
    most: usize,
) -> Result<Cut, Error> {
    if track.kind != TrackKind::Video {
        return Err(Error::unsupported("only pictures are cut by frames"));
    }
    let source = Source { file, track };
    let mut entry = None;
    // What must be known of all that is behind it is looked at but once.
    let mut tied: Option<Result<Changed, Error>> = None;
    for candidate in candidates(track, from, to) {
        match source.entry(source.sample(candidate)?).await? {
            Entry::Free => entry = Some(candidate),
            Entry::Tied if tied.is_none() => {
                let plan = plan(track, from, to, |other| Ok(other == candidate))?;
                let body = plan.body.get(..most).unwrap_or(&plan.body);
                let changed = untie(source, body).await;
                entry = changed.is_ok().then_some(candidate);
                tied = Some(changed);
            }
            Entry::Tied | Entry::None => {}
        }
        if entry.is_some() {
            break;
        }
    }
    let changed = match (entry, tied) {
        (None, Some(Err(why))) => return Err(why),
        (_, Some(Ok(changed))) => changed,
        _ => Changed::new(),
    };
    let plan = plan(track, from, to, |candidate| Ok(Some(candidate) == entry))?;
    if track.codec != Codec::Hevc && changed.is_empty() {
        no_leading_pictures(&plan.body)?;
    }
    // With nothing to be copied, what is known of the stream comes from the
    // track's first keyframe.
    let first = track.samples.iter().position(|sample| sample.sync);
    let looked_at = if plan.body.is_empty() { first.as_slice() } else { &plan.body };
    let mut seam = source.seam(looked_at.get(..most).unwrap_or(looked_at)).await?;
    if let Seam::H264(seam) = &mut seam {
        seam.changed = changed;
    }
    Ok(Cut { plan, seam })
}

/// Whether decoding can begin at a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// It can't.
    None,
    /// It can, with nothing of what is before it.
    Free,
    /// It can once what follows is [untied](untie) from what is before it.
    Tied,
}

impl From<bool> for Entry {
    fn from(free: bool) -> Entry {
        if free { Entry::Free } else { Entry::None }
    }
}

/// Only HEVC has a name for pictures that are decoded after a keyframe and
/// shown before it; elsewhere it is a sign that times are wrong.
fn no_leading_pictures(body: &[usize]) -> Result<(), Error> {
    match (body.first(), body.last()) {
        (Some(first), Some(last)) if last - first + 1 != body.len() => {
            Err(Error::unsupported("frames after a keyframe are shown before it"))
        }
        _ => Ok(()),
    }
}

/// The track that is cut.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// Its file.
    pub file: &'a dyn ReadAt,
    /// What is known of it.
    pub track: &'a Track,
}

impl Source<'_> {
    pub fn sample(&self, index: usize) -> Result<&Sample, Error> {
        let sample = self.track.samples.get(index);
        sample.ok_or_else(|| Error::damaged("a sample that isn't there"))
    }

    /// The first bytes of a sample.
    pub async fn beginning(&self, sample: &Sample) -> Result<Bytes, Error> {
        self.file.read_at(sample.offset, sample.size.min(BEGINNING) as usize).await
    }

    /// All bytes of a sample.
    pub async fn whole(&self, sample: &Sample) -> Result<Bytes, Error> {
        let size = usize::try_from(sample.size).unwrap_or(usize::MAX);
        self.file.read_at(sample.offset, size).await
    }

    async fn entry(&self, sample: &Sample) -> Result<Entry, Error> {
        match self.track.codec {
            Codec::H264 => h264::entry(*self, sample).await,
            Codec::Hevc => hevc::entry(*self, sample).await.map(Entry::from),
            Codec::Vp8 | Codec::Vp9 => vpx::entry(*self, sample).await.map(Entry::from),
            Codec::Av1 => av1::entry(*self, sample).await.map(Entry::from),
            _ => Err(unknown(&self.track.codec)),
        }
    }

    async fn seam(&self, looked_at: &[usize]) -> Result<Seam, Error> {
        match self.track.codec {
            Codec::H264 => h264::seam(*self, looked_at).await.map(Seam::H264),
            Codec::Hevc => hevc::seam(*self, looked_at).await.map(Seam::Hevc),
            Codec::Vp8 => Ok(Seam::Vp8),
            Codec::Vp9 => vpx::seam(*self, looked_at).await.map(Seam::Vp9),
            Codec::Av1 => av1::seam(*self, looked_at).await.map(Seam::Av1),
            _ => Err(unknown(&self.track.codec)),
        }
    }
}

pub(super) fn unknown(codec: &Codec) -> Error {
    match codec {
        Codec::Other(name) => Error::unsupported(format!("no exact cut is known for {name:?}")),
        codec => Error::unsupported(format!("no exact cut is known for {codec:?}")),
    }
}
