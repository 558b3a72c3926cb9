//! Encodes the head and the tail: the frames before and after those that are
//! stream-copied.

use clipmill_core::probe::Container;
use clipmill_media::mux::SampleData;
use clipmill_media::smart_cut::{CutEnd, FileTrack};
use clipmill_media::{LocalFile, Track};

use super::job::{PreparedCut, SmartCutError, SmartCutJob};
use super::preroll::{GopPreroll, gop_preroll};
use super::write::{run_blocking, write_file};
use crate::ffmpeg::{self, Expected, Input, PartJob};
use crate::index::SampleIndex;
use crate::stages::PartEncode;

/// The encoded parts; none where a part has no frames.
pub(super) struct EncodedParts {
    pub head: Option<EncodedPartFile>,
    pub tail: Option<EncodedPartFile>,
}

/// An encoded part.
pub(super) struct EncodedPartFile {
    pub file: LocalFile,
    track: Track,
}

impl EncodedPartFile {
    /// The part as it is joined.
    pub fn file_track(&self) -> FileTrack<'_> {
        FileTrack { file: &self.file, track: &self.track }
    }
}

/// Encodes both parts at the same time.
pub(super) async fn encode_parts(
    job: &SmartCutJob<'_>,
    prepared: &PreparedCut,
) -> Result<EncodedParts, SmartCutError> {
    let part = |end| encode_part(job, prepared, end);
    let (head, tail) = tokio::try_join!(part(CutEnd::Head), part(CutEnd::Tail))?;
    Ok(EncodedParts { head, tail })
}

async fn encode_part(
    job: &SmartCutJob<'_>,
    prepared: &PreparedCut,
    end: CutEnd,
) -> Result<Option<EncodedPartFile>, SmartCutError> {
    let Some(encode) = plan_part(job, prepared, end)? else { return Ok(None) };
    let early_head = match (&job.fetched.early_head, end) {
        // Waited for in any case, because both would write the same file.
        (Some(early_head), CutEnd::Head) => early_head.result().await.flatten(),
        _ => None,
    };
    if early_head.as_ref() == Some(&encode) {
        tracing::debug!("the head was encoded while bytes still arrived");
    } else {
        run_part(job, &encode).await?;
    }
    let input = Input::file(&encode.output).await?;
    let index = SampleIndex::read(&input, &encode.output).await;
    let part = index.and_then(|SampleIndex { file, media }| {
        Some(EncodedPartFile { file, track: media.video_track()?.clone() })
    });
    let unreadable = || SmartCutError::unfit("the encoder made a part that can't be read");
    part.ok_or_else(unreadable).map(Some)
}

/// Early start: encodes the head of a cut of which only the bytes before `here` are
/// there; none when there is no head or it needs more. What the copied frames need
/// is looked up in the first one alone, so a later one may demand another encode.
pub(super) async fn encode_head_early(
    job: &SmartCutJob<'_>,
    prepared: &PreparedCut,
    here: u64,
) -> Result<Option<PartEncode>, SmartCutError> {
    let encode = plan_part(job, prepared, CutEnd::Head)?;
    let Some(encode) = encode.filter(|encode| is_within(encode, here)) else { return Ok(None) };
    run_part(job, &encode).await?;
    Ok(Some(encode))
}

/// The encode of a part; none when the part has no frames.
fn plan_part(
    job: &SmartCutJob<'_>,
    prepared: &PreparedCut,
    end: CutEnd,
) -> Result<Option<PartEncode>, SmartCutError> {
    let PreparedCut { track, cut } = prepared;
    let (name, frames) = match end {
        CutEnd::Head => ("head", &cut.plan.head),
        CutEnd::Tail => ("tail", &cut.plan.tail),
    };
    let pts = |index: &usize| track.samples.get(*index).map(|sample| sample.pts);
    let (Some(first), Some(last)) = (frames.first().and_then(pts), frames.last().and_then(pts))
    else {
        return Ok(None);
    };
    let GopPreroll { track: preroll, zero } = gop_preroll(track, frames)?;
    let input = job.fetched.folder.join(format!("{name}-preroll.mp4"));
    let output = job.fetched.folder.join(format!("{name}.mp4"));
    let args = ffmpeg::part_args(&PartJob {
        constraints: &cut.constraints,
        end,
        input: &Input::own_mp4(&input),
        from: first - zero,
        to: Some(last + 1 - zero),
        frames: frames.len(),
        interlaced: job.fetched.media.video_stream()?.interlaced,
        threads: job.context.settings.ffmpeg_threads,
        output: &output,
    });
    Ok(Some(PartEncode { preroll, input, args, output }))
}

/// Whether all that the encode needs of the source is before this offset.
fn is_within(encode: &PartEncode, here: u64) -> bool {
    encode.preroll.samples.iter().all(|sample| match &sample.data {
        SampleData::Copied { offset, size, .. } => offset.saturating_add((*size).into()) <= here,
        SampleData::Generated(_) | SampleData::Chain(_) => true,
    })
}

async fn run_part(job: &SmartCutJob<'_>, encode: &PartEncode) -> Result<(), SmartCutError> {
    let source = job.index.file.clone();
    let (path, preroll) = (encode.input.clone(), encode.preroll.clone());
    run_blocking(move |_| write_file(Container::Mp4, &path, &[preroll], &[&source])).await?;
    let bounds = job.context.bounds(None);
    job.context.tools.run(encode.args.clone(), bounds, Expected::default(), |_| {}).await?;
    Ok(())
}
