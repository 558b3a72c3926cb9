//! Edit lists: which part of a track is presented, and when.

use super::boxes::Fields;
use crate::Error;

/// Most edits that are looked at; more than one that presents something is
/// refused anyway.
const MOST: u32 = 64;

/// An edit list that moves a track: nothing for a while, then the track from
/// one of its times on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Edits {
    /// Whether there is a list at all.
    pub listed: bool,
    /// Ticks of the movie in which nothing is presented at first.
    pub empty: u64,
    /// The track's time that is presented first, ticks of the track.
    pub media_time: u64,
    /// Ticks of the movie that are presented; 0 when it does not tell.
    pub duration: u64,
    /// Whether the list does something that is not done here.
    pub strange: bool,
}

impl Edits {
    /// Reads the content of an `elst`.
    ///
    /// # Errors
    /// It is damaged.
    pub fn read(content: &[u8]) -> Result<Edits, Error> {
        let mut fields = Fields::new(content);
        let (version, _) = fields.version()?;
        let count = fields.u32()?;
        let mut edits = Edits { listed: count > 0, strange: count > MOST, ..Edits::default() };
        let mut presented = false;
        for _ in 0..count.min(MOST) {
            let duration = fields.wide(version)?;
            let media_time = match version {
                0 => i64::from(fields.i32()?),
                _ => fields.u64()?.cast_signed(),
            };
            let rate = fields.u32()?;
            match u64::try_from(media_time) {
                // An empty edit after all others changes nothing.
                Err(_) if presented => {}
                Err(_) => {
                    edits.strange |= media_time != -1;
                    edits.empty = edits.empty.saturating_add(duration);
                }
                Ok(from) => {
                    edits.strange |= presented || rate != 0x1_0000;
                    presented = true;
                    (edits.media_time, edits.duration) = (from, duration);
                }
            }
        }
        Ok(edits)
    }

    /// Ticks of the track in which nothing is presented at first, when the
    /// movie has `movie` ticks per second and the track `track`.
    ///
    /// # Errors
    /// The list does something that is not done here.
    pub fn begins(&self, movie: u32, track: u32) -> Result<i64, Error> {
        if self.strange {
            return Err(Error::unsupported("an edit list does more than move a track"));
        }
        let movie = u128::from(movie.max(1));
        let ticks = (u128::from(self.empty) * u128::from(track) + movie / 2) / movie;
        i64::try_from(ticks)
            .ok()
            .filter(|ticks| *ticks < i64::MAX / 8)
            .ok_or_else(|| Error::damaged("an edit list begins too late"))
    }

    /// What has to be added to a time of the track to get the time when it is
    /// presented, ticks of the track.
    ///
    /// # Errors
    /// As [`Edits::begins`].
    pub fn shift(&self, movie: u32, track: u32) -> Result<i64, Error> {
        let media_time = i64::try_from(self.media_time)
            .ok()
            .filter(|ticks| *ticks < i64::MAX / 8)
            .ok_or_else(|| Error::damaged("an edit list begins too late"))?;
        Ok(self.begins(movie, track)? - media_time)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn list(entries: &[(u32, i32, u32)]) -> Edits {
        let mut content = [[0; 4], (entries.len() as u32).to_be_bytes()].concat();
        for (duration, time, rate) in entries {
            content.extend([*duration, time.cast_unsigned(), *rate].map(u32::to_be_bytes).concat());
        }
        Edits::read(&content).unwrap()
    }

    #[test]
    fn a_track_is_moved_by_empty_edits_and_by_where_it_begins() {
        let edits = list(&[(250, -1, 0x1_0000), (250, -1, 0), (4000, 1024, 0x1_0000)]);
        assert_eq!(edits.begins(1000, 48_000), Ok(24_000));
        assert_eq!(edits.shift(1000, 48_000), Ok(24_000 - 1024));
        // Half a tick is rounded up.
        assert_eq!(list(&[(1, -1, 0), (9, 0, 0x1_0000)]).begins(2, 1), Ok(1));
        assert!(!list(&[]).listed);
    }

    #[test]
    fn more_than_that_is_refused() {
        let normal = (100, 0, 0x1_0000);
        for entries in
            [[normal, (100, 500, 0x1_0000)], [(100, -2, 0x1_0000), normal], [(5, -1, 0), (9, 0, 0)]]
        {
            let error = list(&entries).shift(1000, 48_000).unwrap_err();
            assert_eq!(error.kind, crate::ErrorKind::Unsupported, "{entries:?}");
        }
        assert!(Edits::read(&[0, 0, 0, 0, 0, 0, 0, 1, 0, 0]).is_err());
    }
}
