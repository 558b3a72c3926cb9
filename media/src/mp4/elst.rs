//! Edit lists (`elst`, ISO/IEC 14496-12, 8.6.6): which part of a track is
//! presented, and when.
//!
//! One kind of list is followed: nothing for a while, then the track from one of
//! its times on. This is what encoders' delays and tracks that start later need.
//! A list that plays faster, slower or holds a picture (a rate other than 1),
//! presents several parts, or has a negative time other than -1 is refused by
//! every reader of this module's parents, since ignoring it would present
//! samples at wrong times.

use clipmill_core::Timescale;

use super::boxes::FieldReader;
use super::limits;
use crate::{MediaError, PresentedTicks};

/// The media time of an edit that presents nothing.
const EMPTY: i64 = -1;
/// Rate 1 as a 16.16 number.
const NORMAL_RATE: u32 = 0x1_0000;

/// An edit list that moves a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct EditList {
    /// Whether there is a list at all.
    pub is_listed: bool,
    /// Ticks of the movie in which nothing is presented at first.
    pub empty: u64,
    /// The track's time that is presented first, ticks of the track.
    pub media_time: u64,
    /// Ticks of the movie that are presented; 0 when the list does not say.
    pub duration: u64,
    /// Whether the list does more than move the track.
    is_unsupported: bool,
}

/// The time scales that the times of an edit list are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EditClocks {
    /// That of the movie (`mvhd`).
    pub movie: Timescale,
    /// That of the track (`mdhd`).
    pub track: Timescale,
}

impl EditList {
    /// Reads the content of an `elst`.
    ///
    /// # Errors
    /// It is damaged. A list that is unsupported is refused only when its times
    /// are used, since it does not matter for other tracks.
    pub fn parse(content: &[u8]) -> Result<EditList, MediaError> {
        let mut fields = FieldReader::new(content);
        let (version, _) = fields.version_and_flags()?;
        let count = fields.u32()?;
        let is_unsupported = count > limits::EDITS;
        let mut edits = EditList { is_listed: count > 0, is_unsupported, ..EditList::default() };
        let mut is_presented = false;
        for _ in 0..count.min(limits::EDITS) {
            let duration = fields.by_version(version)?;
            let media_time = match version {
                0 => i64::from(fields.i32()?),
                _ => fields.u64()?.cast_signed(),
            };
            let rate = fields.u32()?;
            match u64::try_from(media_time) {
                // An empty edit after all others changes nothing.
                Err(_) if is_presented => {}
                Err(_) => {
                    edits.is_unsupported |= media_time != EMPTY;
                    edits.empty = edits.empty.saturating_add(duration);
                }
                Ok(from) => {
                    edits.is_unsupported |= is_presented || rate != NORMAL_RATE;
                    is_presented = true;
                    edits.media_time = from;
                    edits.duration = duration;
                }
            }
        }
        Ok(edits)
    }

    /// Ticks of the track in which nothing is presented at first, rounded to the
    /// nearest.
    ///
    /// # Errors
    /// The list is unsupported, or its times are impossible.
    pub fn start(&self, clocks: EditClocks) -> Result<i64, MediaError> {
        if self.is_unsupported {
            return Err(MediaError::unsupported("an edit list does more than move a track"));
        }
        let empty = i64::try_from(self.empty).map_err(|_| too_late())?;
        let ticks = clocks.movie.rescale(empty, clocks.track);
        if ticks < limits::LATEST { Ok(ticks) } else { Err(too_late()) }
    }

    /// What has to be added to a time of the track to get the time when it is
    /// presented, ticks of the track.
    ///
    /// # Errors
    /// As [`EditList::start`].
    pub fn shift(&self, clocks: EditClocks) -> Result<i64, MediaError> {
        let media_time = i64::try_from(self.media_time).ok();
        let media_time = media_time.filter(|ticks| *ticks < limits::LATEST).ok_or_else(too_late)?;
        Ok(self.start(clocks)? - media_time)
    }
}

impl EditList {
    /// When the track is presented, ticks of the track in the time of the file.
    /// A list without a duration presents all that follows.
    ///
    /// # Errors
    /// As [`EditList::start`].
    pub fn presented(&self, clocks: EditClocks) -> Result<PresentedTicks, MediaError> {
        if !self.is_listed {
            return Ok(PresentedTicks::ALL);
        }
        let start = self.start(clocks)?;
        let duration = i64::try_from(self.duration).ok().filter(|ticks| *ticks > 0);
        let end = duration.map(|ticks| clocks.movie.rescale(ticks, clocks.track));
        Ok(PresentedTicks { start, end: end.map_or(i64::MAX, |ticks| start.saturating_add(ticks)) })
    }
}

fn too_late() -> MediaError {
    MediaError::damaged("an edit list begins too late")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn clocks(movie: u32, track: u32) -> EditClocks {
        let scale = |ticks| Timescale::new(ticks).unwrap();
        EditClocks { movie: scale(movie), track: scale(track) }
    }

    fn list(entries: &[(u32, i32, u32)]) -> EditList {
        let mut content = [[0; 4], (entries.len() as u32).to_be_bytes()].concat();
        for (duration, time, rate) in entries {
            content.extend([*duration, time.cast_unsigned(), *rate].map(u32::to_be_bytes).concat());
        }
        EditList::parse(&content).unwrap()
    }

    #[test]
    fn a_track_is_moved_by_empty_edits_and_by_its_first_presented_time() {
        let edits = list(&[(250, -1, 0x1_0000), (250, -1, 0), (4000, 1024, 0x1_0000)]);
        assert_eq!(edits.start(clocks(1000, 48_000)), Ok(24_000));
        assert_eq!(edits.shift(clocks(1000, 48_000)), Ok(24_000 - 1024));
        let presented = edits.presented(clocks(1000, 48_000)).unwrap();
        assert_eq!(presented, PresentedTicks { start: 24_000, end: 24_000 + 192_000 });
        // Without a duration, and without a list.
        let endless = list(&[(0, 1024, 0x1_0000)]).presented(clocks(1000, 48_000)).unwrap();
        assert_eq!(endless, PresentedTicks { start: 0, end: i64::MAX });
        assert_eq!(list(&[]).presented(clocks(1000, 48_000)), Ok(PresentedTicks::ALL));
        // Half a tick is rounded up.
        let half = list(&[(1, -1, 0), (9, 0, 0x1_0000)]);
        assert_eq!(half.start(clocks(2, 1)), Ok(1));
        assert!(!list(&[]).is_listed);
    }

    #[test]
    fn more_than_that_is_refused() {
        let normal = (100, 0, 0x1_0000);
        for entries in
            [[normal, (100, 500, 0x1_0000)], [(100, -2, 0x1_0000), normal], [(5, -1, 0), (9, 0, 0)]]
        {
            let error = list(&entries).shift(clocks(1000, 48_000)).unwrap_err();
            assert_eq!(error.kind, crate::MediaErrorKind::Unsupported, "{entries:?}");
        }
        assert!(EditList::parse(&[0, 0, 0, 0, 0, 0, 0, 1, 0, 0]).is_err());
    }
}
