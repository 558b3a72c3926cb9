//! Joins head, body and tail to one track.

use super::codecs::splice_codec;
use super::parts::{CutEnd, EncodedPart, FileTrack, SOURCE_FILE, SpliceParts, sample_data};
use super::plan::SmartCutPlan;
use super::prepare::SmartCut;
use crate::MediaError;
use crate::mux::{OutSample, OutTrack, SampleData};

/// The new video track: the re-encoded head, the stream-copied body, the
/// re-encoded tail, with a decoder configuration for all three. Files of its
/// samples: 0 the source, 1 the head, 2 the tail.
///
/// Each encoded frame gets the timestamp of the frame that it stands for, so that
/// a variable frame rate is kept. The first frame is at 0.
///
/// # Errors
/// `Unsupported` when head or tail don't fulfil the
/// [`SpliceConstraints`](super::SpliceConstraints), or have another number of
/// frames than planned; `TooLarge` when more than 256 MiB of one had to be
/// rewritten; `Damaged` and `Read` as files go.
pub async fn join(
    cut: &SmartCut,
    source: FileTrack<'_>,
    head: Option<FileTrack<'_>>,
    tail: Option<FileTrack<'_>>,
) -> Result<OutTrack, MediaError> {
    let plan = &cut.plan;
    let head = EncodedPart::check(head, CutEnd::Head, plan.head.len(), source.track)?;
    let tail = EncodedPart::check(tail, CutEnd::Tail, plan.tail.len(), source.track)?;
    let body_start = plan.body.first().copied();
    let joined = cut.joiner.join(SpliceParts { source, head, body_start, tail }).await?;
    let times = PresentationTimes::new(source, plan)?;
    let mut samples = Vec::with_capacity(plan.wanted.len());
    if let Some(part) = head {
        append_encoded(part, joined.head, times.starting_at(0), &mut samples)?;
    }
    let mut rewritten = cut.rewritten.clone();
    rewritten.extend(joined.rewritten);
    for (index, sync) in plan.body.iter().zip(sync_flags(source, plan)?) {
        let sample = source.sample(*index)?;
        let Timing { pts, duration } = times.timing(times.frame_at(sample.pts)?)?;
        let data = rewritten.remove(index).unwrap_or_else(|| sample_data(SOURCE_FILE, sample));
        samples.push(OutSample { data, pts, duration, sync });
    }
    if let Some(part) = tail {
        let before = plan.wanted.len() - plan.tail.len();
        append_encoded(part, joined.tail, times.starting_at(before), &mut samples)?;
    }
    let mut track = source.track.without_samples();
    track.config = joined.config;
    track.entry = joined.entry;
    Ok(OutTrack { track, start: 0, samples })
}

/// At which samples of the body players may start. At the keyframe of an open GOP
/// they may only where the bitstream marks the leading pictures, which they then
/// can't decode; elsewhere players end with an error.
fn sync_flags(source: FileTrack<'_>, plan: &SmartCutPlan) -> Result<Vec<bool>, MediaError> {
    let marks_leading_pictures = splice_codec(&source.track.codec)?.marks_leading_pictures();
    let mut earliest = i64::MAX;
    let mut flags = Vec::with_capacity(plan.body.len());
    for index in plan.body.iter().rev() {
        let sample = source.sample(*index)?;
        let open = earliest < sample.pts && !marks_leading_pictures;
        flags.push(sample.sync && !open || Some(index) == plan.body.first());
        earliest = earliest.min(sample.pts);
    }
    flags.reverse();
    Ok(flags)
}

/// Appends the samples of a part with the timing of the frames that they stand
/// for.
fn append_encoded(
    part: EncodedPart<'_>,
    data: Vec<SampleData>,
    timing: impl Fn(usize) -> Result<Timing, MediaError>,
    samples: &mut Vec<OutSample>,
) -> Result<(), MediaError> {
    let own = &part.encoded.track.samples;
    let mut order: Vec<i64> = own.iter().map(|sample| sample.pts).collect();
    order.sort_unstable();
    if order.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(MediaError::unsupported("two encoded frames have the same timestamp"));
    }
    for (sample, data) in own.iter().zip(data) {
        let rank = order.partition_point(|pts| *pts < sample.pts);
        let Timing { pts, duration } = timing(rank)?;
        samples.push(OutSample { data, pts, duration, sync: sample.sync });
    }
    Ok(())
}

/// The timestamps of the wanted frames, in the order of output.
struct PresentationTimes {
    pts: Vec<i64>,
    last_duration: u32,
}

/// When a frame is shown, in ticks after the first one, and for how long.
struct Timing {
    pts: i64,
    duration: u32,
}

impl PresentationTimes {
    fn new(source: FileTrack<'_>, plan: &SmartCutPlan) -> Result<PresentationTimes, MediaError> {
        let wanted = plan.wanted.iter().map(|index| source.sample(*index));
        let pts = wanted.map(|sample| Ok(sample?.pts)).collect::<Result<_, MediaError>>()?;
        let last = plan.wanted.last().map(|index| source.sample(*index)).transpose()?;
        let last_duration = last.map_or(1, |sample| sample.duration.max(1));
        Ok(PresentationTimes { pts, last_duration })
    }

    /// Which of the frames has a timestamp.
    fn frame_at(&self, pts: i64) -> Result<usize, MediaError> {
        self.pts.binary_search(&pts).map_err(|_| not_planned())
    }

    /// The timing of each frame from one on.
    fn starting_at(&self, first: usize) -> impl Fn(usize) -> Result<Timing, MediaError> {
        move |frame| self.timing(first + frame)
    }

    fn timing(&self, frame: usize) -> Result<Timing, MediaError> {
        let pts = *self.pts.get(frame).ok_or_else(not_planned)?;
        let first = *self.pts.first().ok_or_else(not_planned)?;
        let duration = match self.pts.get(frame + 1) {
            Some(next) => next.checked_sub(pts).and_then(|ticks| u32::try_from(ticks).ok()),
            None => Some(self.last_duration),
        };
        let duration =
            duration.ok_or_else(|| MediaError::unsupported("a frame's duration is too long"))?;
        let pts = pts.checked_sub(first).ok_or_else(not_planned)?;
        Ok(Timing { pts, duration })
    }
}

fn not_planned() -> MediaError {
    MediaError::damaged("a frame that was not planned")
}
