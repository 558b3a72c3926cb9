//! Putting head, body and tail together to one track.

use super::prepare::Source;
use super::untie::Changed;
use super::{Cut, End, Piece, Plan, Seam, av1, vpx};
use crate::mux::{OutSample, OutTrack, SampleData};
use crate::{Codec, Error, Sample, Track};

/// Most bytes of an encoded part that are kept in memory because they had to be
/// rewritten.
const MOST_MADE: usize = 256 * 1024 * 1024;

/// Number of the source among the files of the new track's samples.
pub(super) const SOURCE: usize = 0;

/// The new picture: the encoded head, the copied body, the encoded tail, with a
/// configuration for all three. Files of its samples: 0 the source, 1 the head,
/// 2 the tail.
///
/// Each encoded frame takes the time of the frame that it stands for, so that a
/// variable frame rate stays what it is. The first frame is at 0.
///
/// # Errors
/// `Unsupported` when head or tail aren't what [`Seam`] demands, or
/// have another number of frames than planned; `TooLarge` when more than
/// 256 MiB of one had to be rewritten; `Damaged` and `Read` as files go.
pub async fn join(
    cut: &Cut,
    source: Piece<'_>,
    head: Option<Piece<'_>>,
    tail: Option<Piece<'_>>,
) -> Result<OutTrack, Error> {
    let plan = &cut.plan;
    let source = Source { file: source.0, track: source.1 };
    let head = Part::of(source, head, End::Head, plan.head.len())?;
    let tail = Part::of(source, tail, End::Tail, plan.tail.len())?;
    let first = plan.body.first().copied();
    let joined = match &cut.seam {
        Seam::H264(seam) => seam.join(source, head, tail).await?,
        Seam::Hevc(seam) => seam.join(source, head, first, tail).await?,
        Seam::Vp8 => vpx::join(source, None, head, tail).await?,
        Seam::Vp9(seam) => vpx::join(source, Some(*seam), head, tail).await?,
        Seam::Av1(seam) => av1::join(source, *seam, head, first, tail).await?,
    };
    let times = Times::of(source, plan)?;
    let mut samples = Vec::with_capacity(plan.wanted.len());
    if let Some(part) = head {
        part.append(joined.head, &times, 0, &mut samples)?;
    }
    let mut changed = joined.changed;
    let begin = keyframes(source, plan)?;
    for (index, sync) in plan.body.iter().zip(begin) {
        let sample = source.sample(*index)?;
        let (pts, duration) = times.at(times.place(sample.pts)?)?;
        let data = changed.remove(index).unwrap_or_else(|| range(SOURCE, sample));
        samples.push(OutSample { data, pts, duration, sync });
    }
    if let Some(part) = tail {
        let before = plan.wanted.len() - plan.tail.len();
        part.append(joined.tail, &times, before, &mut samples)?;
    }
    let mut track = source.track.without_samples();
    track.config = joined.config;
    track.entry = joined.entry;
    Ok(OutTrack { track, start: 0, samples })
}

/// At which samples of the body players may begin to decode. Of an open group
/// they may only where its leading pictures, which then can't be decoded, have a
/// name by which they are known: in HEVC. Elsewhere players end with an error.
fn keyframes(source: Source<'_>, plan: &Plan) -> Result<Vec<bool>, Error> {
    let mut earliest = i64::MAX;
    let mut begin = Vec::with_capacity(plan.body.len());
    for index in plan.body.iter().rev() {
        let sample = source.sample(*index)?;
        let open = earliest < sample.pts && source.track.codec != Codec::Hevc;
        begin.push(sample.sync && !open || Some(index) == plan.body.first());
        earliest = earliest.min(sample.pts);
    }
    begin.reverse();
    Ok(begin)
}

/// What each codec makes of the parts.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub config: Vec<u8>,
    pub entry: Option<Vec<u8>>,
    /// The head's samples in decoding order.
    pub head: Vec<SampleData>,
    /// Samples of the body that can't be copied as they are.
    pub changed: Changed,
    /// The tail's samples in decoding order.
    pub tail: Vec<SampleData>,
}

impl Joined {
    /// The source's own configuration, and nothing else yet.
    pub fn of(source: Source<'_>) -> Joined {
        let Track { config, entry, .. } = source.track;
        Joined { config: config.clone(), entry: entry.clone(), ..Joined::default() }
    }

    pub fn place(&mut self, end: End, samples: Vec<SampleData>) {
        match end {
            End::Head => self.head = samples,
            End::Tail => self.tail = samples,
        }
    }
}

/// An encoded part.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub source: Source<'a>,
    pub end: End,
}

impl<'a> Part<'a> {
    fn of(
        source: Source<'_>,
        piece: Option<Piece<'a>>,
        end: End,
        frames: usize,
    ) -> Result<Option<Part<'a>>, Error> {
        let Some((file, track)) = piece else {
            return match frames {
                0 => Ok(None),
                _ => Err(Error::unsupported("a part of the cut was not encoded")),
            };
        };
        if track.samples.len() != frames {
            let had = track.samples.len();
            return Err(Error::unsupported(format!("{had} frames encoded instead of {frames}")));
        }
        if frames == 0 {
            return Ok(None);
        }
        if track.codec != source.track.codec {
            return Err(Error::unsupported("encoded frames are of another codec"));
        }
        let earliest = track.samples.iter().map(|sample| sample.pts).min();
        if !track.samples.first().is_some_and(|first| first.sync && Some(first.pts) == earliest) {
            return Err(Error::unsupported("encoded frames don't begin with a keyframe"));
        }
        Ok(Some(Part { source: Source { file, track }, end }))
    }

    /// Its samples as they are.
    pub fn copied(self) -> Vec<SampleData> {
        let file = match self.end {
            End::Head => 1,
            End::Tail => 2,
        };
        self.source.track.samples.iter().map(|sample| range(file, sample)).collect()
    }

    /// Its samples as `each` makes them.
    pub async fn rewritten(
        self,
        each: impl Fn(&[u8]) -> Result<Vec<u8>, Error> + Send,
    ) -> Result<Vec<SampleData>, Error> {
        let mut samples = Vec::with_capacity(self.source.track.samples.len());
        let mut bytes = 0;
        for sample in &self.source.track.samples {
            let made = each(&self.source.whole(sample).await?)?;
            bytes += made.len();
            if bytes > MOST_MADE {
                return Err(Error::too_large("more than 256 MiB of frames had to be rewritten"));
            }
            samples.push(SampleData::Generated(made));
        }
        Ok(samples)
    }

    /// Adds the samples with the times of the frames that they stand for, the
    /// first of them in place `from` of all.
    fn append(
        self,
        data: Vec<SampleData>,
        times: &Times,
        from: usize,
        samples: &mut Vec<OutSample>,
    ) -> Result<(), Error> {
        let own = &self.source.track.samples;
        let mut order: Vec<i64> = own.iter().map(|sample| sample.pts).collect();
        order.sort_unstable();
        if order.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::unsupported("two encoded frames have the same time"));
        }
        for (sample, data) in own.iter().zip(data) {
            let rank = order.partition_point(|pts| *pts < sample.pts);
            let (pts, duration) = times.at(from + rank)?;
            samples.push(OutSample { data, pts, duration, sync: sample.sync });
        }
        Ok(())
    }
}

fn range(file: usize, sample: &Sample) -> SampleData {
    SampleData::Copied { file, offset: sample.offset, size: sample.size }
}

/// When each wanted frame is shown, in the order of presentation.
struct Times {
    pts: Vec<i64>,
    last: u32,
}

impl Times {
    fn of(source: Source<'_>, plan: &Plan) -> Result<Times, Error> {
        let wanted = plan.wanted.iter().map(|index| source.sample(*index));
        let pts = wanted.map(|sample| Ok(sample?.pts)).collect::<Result<_, Error>>()?;
        let last = plan.wanted.last().map(|index| source.sample(*index)).transpose()?;
        Ok(Times { pts, last: last.map_or(1, |sample| sample.duration.max(1)) })
    }

    /// Which of the frames has a time.
    fn place(&self, pts: i64) -> Result<usize, Error> {
        self.pts.binary_search(&pts).map_err(|_| Error::damaged("a frame beside the plan"))
    }

    /// Time after the first frame and duration of one of the frames.
    fn at(&self, place: usize) -> Result<(i64, u32), Error> {
        let beside = || Error::damaged("a frame beside the plan");
        let pts = *self.pts.get(place).ok_or_else(beside)?;
        let first = *self.pts.first().ok_or_else(beside)?;
        let duration = match self.pts.get(place + 1) {
            Some(next) => next.checked_sub(pts).and_then(|ticks| u32::try_from(ticks).ok()),
            None => Some(self.last),
        };
        let duration = duration.ok_or_else(|| Error::unsupported("a frame lasts too long"))?;
        Ok((pts.checked_sub(first).ok_or_else(beside)?, duration))
    }
}
