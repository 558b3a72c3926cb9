//! Encoding the frames before and after those that are copied.

use std::path::PathBuf;

use clipmill_media::cut::{Cut, End, Piece};
use clipmill_media::{LocalFile, Movie, Track};

use super::lead::lead;
use super::{Job, Trouble, blocking, put};
use crate::ffmpeg::{self, Expected, Input, SeamPart};
use crate::pipeline::index::Index;
use crate::pipeline::street::Shop;
use clipmill_plugins::media::Container;

/// The encoded parts.
pub(super) struct Parts {
    pub head: Option<Part>,
    pub tail: Option<Part>,
}

/// An encoded part.
pub(super) struct Part {
    pub file: LocalFile,
    track: Track,
}

impl Part {
    /// The part as it is joined.
    pub fn piece(&self) -> Piece<'_> {
        (&self.file, &self.track)
    }
}

/// Encodes both parts at the same time.
pub(super) async fn encode(
    shop: &Shop,
    job: &Job<'_>,
    track: &Track,
    cut: &Cut,
) -> Result<Parts, Trouble> {
    let part = |end| part(shop, job, track, cut, end);
    let (head, tail) = tokio::try_join!(part(End::Head), part(End::Tail))?;
    Ok(Parts { head, tail })
}

async fn part(
    shop: &Shop,
    job: &Job<'_>,
    track: &Track,
    cut: &Cut,
    end: End,
) -> Result<Option<Part>, Trouble> {
    let (name, frames) = match end {
        End::Head => ("head", &cut.plan.head),
        End::Tail => ("tail", &cut.plan.tail),
    };
    let Some(first) = frames.first().and_then(|index| track.samples.get(*index)) else {
        return Ok(None);
    };
    let last = frames.last().and_then(|index| track.samples.get(*index)).map_or(0, |last| last.pts);
    let lead = lead(track, frames)?;
    let (from, to) = (first.pts - lead.zero, last + 1 - lead.zero);
    let folder = &job.fetched.folder;
    let (before, output) =
        (folder.join(format!("{name}-lead.mp4")), folder.join(format!("{name}.mp4")));
    write_lead(job, lead.track, before.clone()).await?;
    let input = Input::file(&before).await?;
    let video = job.fetched.media.picture()?;
    let args = ffmpeg::seam(&SeamPart {
        seam: &cut.seam,
        end,
        input: &input,
        from,
        to: Some(to),
        frames: frames.len(),
        interlaced: video.interlaced,
        threads: shop.workers.ffmpeg_threads,
        output: &output,
    });
    shop.tools.run(args, shop.bounds(None), Expected::default(), |_| {}).await?;
    let encoded = Input::file(&output).await?;
    let read = Index::of(&encoded, &output).await;
    let (file, movie) = read.map(|index| (index.file, index.movie)).ok_or_else(broken)?;
    let track = Movie::picture(&movie).cloned().ok_or_else(broken)?;
    Ok(Some(Part { file, track }))
}

async fn write_lead(
    job: &Job<'_>,
    lead: clipmill_media::mux::OutTrack,
    path: PathBuf,
) -> Result<(), Trouble> {
    let source = job.index.file.clone();
    blocking(move |_| put(Container::Mp4, &path, &[lead], &[&source])).await
}

fn broken() -> Trouble {
    Trouble::Unfit("the encoder made a part that can't be read".to_owned())
}
