//! `moov` (ISO/IEC 14496-12, 8.2.1): what a file says of itself and its tracks.
//! Of the sample tables only the places are noted, since they may be large.

use bytes::Bytes;
use clipmill_core::Timescale;

use super::box_cursor::{BoxCursor, NestedBox};
use super::boxes::{FieldReader, FourCc};
use super::limits;
use super::sample::TrackTimeline;
use super::source::Mp4Source;
use super::top_level::TopLevelBox;
use super::trak::{TimeHeader, Trak, read_small};
use crate::{MediaError, PresentedTicks};

/// A `moov`.
pub(crate) struct Moov {
    /// Content of `mvhd`.
    pub mvhd: Bytes,
    /// The clock of the movie, which edit lists use.
    pub timescale: Timescale,
    /// Ticks of the movie, if it says so.
    pub duration: Option<u64>,
    /// All its tracks, of every kind.
    pub tracks: Vec<Trak>,
    /// The defaults of fragments.
    pub trex: Vec<Trex>,
    /// Ticks of the movie with its fragments, if it says so.
    pub fragments_duration: Option<u64>,
    /// Whether fragments may follow.
    pub is_fragmented: bool,
}

/// What the samples of a track's fragments have where the fragments say nothing
/// else (8.8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trex {
    /// The track.
    pub track: u32,
    /// Which sample description, from 1 on.
    pub description: u32,
    /// Ticks.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// Flags (8.8.3.1).
    pub flags: u32,
}

impl Moov {
    /// Reads a `moov`.
    pub async fn read(source: &Mp4Source<'_>, place: &TopLevelBox) -> Result<Moov, MediaError> {
        let mut boxes = Moov::boxes(source, place).await?;
        let mut reading = MoovReading::default();
        for _ in 0..limits::BOXES_IN_MOOV {
            let Some(found) = boxes.next(source).await? else { return reading.finish() };
            if !found.is_container() {
                reading.read_box(source, &found).await?;
                continue;
            }
            reading.enter(found.name)?;
            boxes.enter(&found)?;
        }
        Err(MediaError::too_large("moov has too many boxes"))
    }

    /// The boxes of a `moov`. A small one is read whole.
    pub async fn boxes(
        source: &Mp4Source<'_>,
        place: &TopLevelBox,
    ) -> Result<BoxCursor, MediaError> {
        let (offset, size) = (place.offset, place.header.size);
        if size <= limits::SMALL_MOOV {
            source.read(offset, size).await?;
        }
        Ok(BoxCursor::within(*b"moov", offset + place.header.length, place.end()))
    }

    /// The defaults of a track's fragments.
    pub fn trex_of(&self, track: u32) -> Trex {
        let found = self.trex.iter().find(|trex| trex.track == track);
        found.copied().unwrap_or(Trex { track, description: 1, duration: 0, size: 0, flags: 0 })
    }

    /// When the samples of a track are presented.
    ///
    /// # Errors
    /// Its edit list is unsupported, or has impossible times.
    pub fn timeline_of(&self, trak: &Trak) -> Result<TrackTimeline, MediaError> {
        let clocks = trak.edit_clocks(self.timescale);
        let shift = trak.edits.shift(clocks)?;
        // Players take the duration of an edit for that of the samples in `moov`:
        // in fragmented files it ends before the first fragment, or says nothing.
        let edit = match self.is_fragmented {
            true => PresentedTicks::ALL,
            false => trak.edits.presented(clocks)?,
        };
        Ok(TrackTimeline { timescale: trak.clock(), shift, edit })
    }

    /// When a track's edit list starts to present it, ticks of its own.
    ///
    /// # Errors
    /// As [`Moov::timeline_of`].
    pub fn start_of(&self, trak: &Trak) -> Result<i64, MediaError> {
        trak.edits.start(trak.edit_clocks(self.timescale))
    }
}

/// A `moov` that is read.
#[derive(Default)]
struct MoovReading {
    mvhd: Bytes,
    timescale: Option<Timescale>,
    duration: Option<u64>,
    tracks: Vec<Trak>,
    trex: Vec<Trex>,
    fragments_duration: Option<u64>,
    is_fragmented: bool,
}

impl MoovReading {
    fn enter(&mut self, name: FourCc) -> Result<(), MediaError> {
        if self.tracks.len() >= limits::TRACKS {
            return Err(MediaError::too_large("the file has too many tracks"));
        }
        match &name {
            b"trak" => self.tracks.push(Trak::default()),
            b"mvex" => self.is_fragmented = true,
            _ => {}
        }
        Ok(())
    }

    async fn read_box(
        &mut self,
        source: &Mp4Source<'_>,
        found: &NestedBox,
    ) -> Result<(), MediaError> {
        match (&found.parent, &found.name) {
            (b"moov", b"mvhd") => {
                self.mvhd = read_small(source, found).await?;
                let header = TimeHeader::parse(&mut FieldReader::new(&self.mvhd))?;
                self.timescale = header.timescale;
                self.duration = header.duration;
            }
            (b"moov", b"cmov") => return Err(MediaError::unsupported("moov is compressed")),
            (b"mvex", b"trex") => self.trex.push(Trex::parse(&read_small(source, found).await?)?),
            (b"mvex", b"mehd") => {
                let ticks = mehd(&read_small(source, found).await?)?;
                self.fragments_duration = Some(ticks).filter(|ticks| *ticks != 0);
            }
            _ => {
                if let Some(track) = self.tracks.last_mut() {
                    track.read_box(source, found).await?;
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Moov, MediaError> {
        let Some(timescale) = self.timescale else {
            return Err(MediaError::damaged("the movie has no time scale"));
        };
        Ok(Moov {
            mvhd: self.mvhd,
            timescale,
            duration: self.duration,
            tracks: self.tracks,
            trex: self.trex,
            fragments_duration: self.fragments_duration,
            is_fragmented: self.is_fragmented,
        })
    }
}

impl Trex {
    fn parse(content: &[u8]) -> Result<Trex, MediaError> {
        let mut fields = FieldReader::new(content);
        fields.version_and_flags()?;
        Ok(Trex {
            track: fields.u32()?,
            description: fields.u32()?,
            duration: fields.u32()?,
            size: fields.u32()?,
            flags: fields.u32()?,
        })
    }
}

/// The duration in a `mehd` (8.8.2).
fn mehd(content: &[u8]) -> Result<u64, MediaError> {
    let mut fields = FieldReader::new(content);
    let (version, _) = fields.version_and_flags()?;
    fields.by_version(version)
}
