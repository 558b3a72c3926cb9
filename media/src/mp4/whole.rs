//! All samples of a file.

use super::fragment::{Carried, Fragment};
use super::layout::find;
use super::moov::{Moov, Trak};
use super::source::Source;
use super::tables::SAMPLES;
use super::tracks::{Raw, describe, presented};
use super::{progressive, walk};
use crate::{Error, Media, ReadAt, Sample, Track, TrackKind};

/// Most bytes that are read of the file, samples not counted.
const INDEX: u64 = 320 << 20;
/// Most bytes of `moov`.
const MOOV: u64 = 256 << 20;

/// Reads where all samples of a file are.
///
/// # Errors
/// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged),
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) (encrypted, samples in other
/// files, edit lists that do more than move a track, several descriptions of
/// the samples of a track), [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) (more
/// than 20 million samples, 64 tracks or 256 MiB of `moov`), and those of
/// reading.
pub async fn read(file: &dyn ReadAt) -> Result<Media, Error> {
    let source = Source::new(file, INDEX);
    let beginning = find(&source).await?;
    let size = beginning.moov.header.size;
    if size > MOOV {
        return Err(Error::too_large("moov is too large"));
    }
    source.get(beginning.moov.at, size).await?;
    let moov = Moov::read(&source, beginning.moov.at, size, None).await?;
    let mut gathered = Vec::new();
    let mut count = 0;
    for (trak, kind) in presented(&moov) {
        count += trak.tables.count;
        if count > SAMPLES {
            return Err(Error::too_large("the file has too many samples"));
        }
        // Refuses what can't be used before its tables are read.
        describe(trak, kind, 1)?;
        let (samples, description) = progressive::all(&source, trak).await?;
        gathered.push(Gathered { trak, kind, samples, description });
    }
    if moov.fragmented {
        fragments(&source, &moov, beginning.moov.end(), &mut gathered).await?;
    }
    let tracks = gathered.into_iter().map(|gathered| gathered.finish(&moov));
    Ok(Media { tracks: tracks.collect::<Result<_, _>>()? })
}

/// The samples of a track so far.
struct Gathered<'m> {
    trak: &'m Trak,
    kind: TrackKind,
    samples: Vec<Raw>,
    description: u32,
}

async fn fragments(
    source: &Source<'_>,
    moov: &Moov,
    from: u64,
    gathered: &mut [Gathered<'_>],
) -> Result<(), Error> {
    let mut carried: Vec<Carried> =
        walk::carried(moov, gathered.iter().map(|of| (of.trak, &of.samples[..])));
    let mut at = from;
    let mut count: usize = gathered.iter().map(|of| of.samples.len()).sum();
    while let Some(moof) = walk::next(source, &mut at, 16).await? {
        for fragment in walk::read(source, &moof, &mut carried).await? {
            count += fragment.samples.len();
            if count as u64 > SAMPLES {
                return Err(Error::too_large("the file has too many samples"));
            }
            let of = gathered.iter_mut().find(|of| of.trak.id == fragment.track);
            if let Some(of) = of {
                of.append(fragment)?;
            }
        }
    }
    Ok(())
}

impl Gathered<'_> {
    fn append(&mut self, fragment: Fragment) -> Result<(), Error> {
        if !self.samples.is_empty() && self.description != fragment.description {
            return Err(Error::unsupported("the track changes its sample description"));
        }
        self.description = fragment.description;
        self.samples.extend(fragment.samples);
        Ok(())
    }

    fn finish(self, moov: &Moov) -> Result<Track, Error> {
        let track = describe(self.trak, self.kind, self.description)?;
        let shift = self.trak.edits.shift(moov.timescale, self.trak.timescale)?;
        // A last sample without a duration lasts as long as the one before.
        let usual = self.samples.iter().rev().map(|sample| sample.delta).find(|delta| *delta > 0);
        let last = self.samples.len().saturating_sub(1);
        let sample = |(at, raw): (usize, Raw)| {
            let least = if at == last { usual.unwrap_or(1) } else { 1 };
            Sample {
                offset: raw.offset,
                size: raw.size,
                pts: raw.dts.saturating_add(raw.cts.into()).saturating_add(shift),
                duration: if raw.delta == 0 { least } else { raw.delta },
                sync: raw.sync,
            }
        };
        let samples = self.samples.into_iter().enumerate().map(sample).collect();
        Ok(Track { samples, ..track })
    }
}
