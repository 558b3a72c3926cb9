//! All samples of a file.

use super::fragment::{Fragment, FragmentReader, TrackState};
use super::limits;
use super::moov::Moov;
use super::sample::SampleInfo;
use super::source::Mp4Source;
use super::table_samples::{TableSamples, all_samples};
use super::top_level::find_moov;
use super::tracks::{MediaTrak, media_tracks};
use crate::{Media, MediaError, ReadAt, Sample, Track};

/// Reads where all samples of a file are.
///
/// # Errors
/// [`MediaErrorKind::Damaged`](crate::MediaErrorKind::Damaged),
/// [`MediaErrorKind::Unsupported`](crate::MediaErrorKind::Unsupported) (encrypted, samples in other
/// files, edit lists that do more than move a track, several descriptions of
/// the samples of a track), [`MediaErrorKind::TooLarge`](crate::MediaErrorKind::TooLarge) (more
/// than 20 million samples, 64 tracks or 256 MiB of `moov`), and those of
/// reading.
pub async fn read(file: &dyn ReadAt) -> Result<Media, MediaError> {
    let source = Mp4Source::new(file, limits::WHOLE_INDEX);
    let place = find_moov(&source).await?.moov;
    if place.header.size > limits::WHOLE_MOOV {
        return Err(MediaError::too_large("moov is too large"));
    }
    source.read(place.offset, place.header.size).await?;
    let moov = Moov::read(&source, &place).await?;
    let mut tracks = Vec::new();
    let mut count = 0;
    for track in media_tracks(&moov) {
        count += track.trak.tables.sample_count;
        if count > limits::SAMPLES {
            return Err(MediaError::too_large("the file has too many samples"));
        }
        // Refuses what can't be used before its tables are read.
        track.describe(1)?;
        let TableSamples { samples, description } = all_samples(&source, track.trak).await?;
        tracks.push(ReadTrack { track, samples, description });
    }
    if moov.is_fragmented {
        read_fragments(&source, &moov, place.end(), &mut tracks).await?;
    }
    let tracks = tracks.into_iter().map(|track| track.finish(&moov));
    Ok(Media { tracks: tracks.collect::<Result<_, _>>()? })
}

/// A track and its samples so far.
struct ReadTrack<'m> {
    track: MediaTrak<'m>,
    samples: Vec<SampleInfo>,
    description: u32,
}

async fn read_fragments(
    source: &Mp4Source<'_>,
    moov: &Moov,
    from: u64,
    tracks: &mut [ReadTrack<'_>],
) -> Result<(), MediaError> {
    let state = |track: &ReadTrack<'_>| TrackState::after(moov, track.track.trak, &track.samples);
    let states = tracks.iter().map(state).collect();
    let mut reader = FragmentReader::new(source, states, from, 16);
    let mut count: usize = tracks.iter().map(|track| track.samples.len()).sum();
    while let Some(fragments) = reader.next().await? {
        for fragment in fragments {
            count += fragment.samples.len();
            if count as u64 > limits::SAMPLES {
                return Err(MediaError::too_large("the file has too many samples"));
            }
            let track = tracks.iter_mut().find(|track| track.track.trak.id == fragment.track);
            if let Some(track) = track {
                track.append(fragment)?;
            }
        }
    }
    Ok(())
}

impl ReadTrack<'_> {
    fn append(&mut self, fragment: Fragment) -> Result<(), MediaError> {
        if !self.samples.is_empty() && self.description != fragment.description {
            return Err(MediaError::unsupported("the track changes its sample description"));
        }
        self.description = fragment.description;
        self.samples.extend(fragment.samples);
        Ok(())
    }

    fn finish(self, moov: &Moov) -> Result<Track, MediaError> {
        let track = self.track.describe(self.description)?;
        let timeline = moov.timeline_of(self.track.trak)?;
        // A last sample without a duration lasts as long as the one before.
        let usual = self.samples.iter().rev().map(|sample| sample.delta).find(|delta| *delta > 0);
        let last = self.samples.len().saturating_sub(1);
        let sample = |(number, info): (usize, SampleInfo)| {
            let least = if number == last { usual.unwrap_or(1) } else { 1 };
            Sample {
                offset: info.offset,
                size: info.size,
                pts: timeline.pts(&info),
                duration: if info.delta == 0 { least } else { info.delta },
                sync: info.is_sync,
            }
        };
        let samples = self.samples.into_iter().enumerate().map(sample).collect();
        Ok(Track { samples, edit: timeline.edit, ..track })
    }
}
