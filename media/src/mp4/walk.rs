//! Going from fragment to fragment.

use super::fragment::{self, Carried, Fragment};
use super::layout::Top;
use super::moov::{Moov, Trak, Trex};
use super::source::Source;
use super::tracks::Raw;
use crate::Error;

/// Most bytes of a `moof`.
const MOOF: u64 = 64 << 20;
/// Most other boxes between two fragments.
const BETWEEN: usize = 4096;

/// What the first fragment of each of these tracks begins with, after the
/// samples that `moov` has.
pub(crate) fn carried<'a>(
    moov: &Moov,
    tracks: impl Iterator<Item = (&'a Trak, &'a [Raw])>,
) -> Vec<Carried> {
    let one = |(trak, samples): (&Trak, &[Raw])| {
        let trex = moov.trex.iter().find(|trex| trex.track == trak.id).copied();
        let trex = trex.unwrap_or(Trex { track: trak.id, description: 1, ..Trex::default() });
        let next = samples.last().map_or(0, |last| last.dts.saturating_add(last.delta.into()));
        Carried { trex, next: Some(next) }
    };
    tracks.map(one).collect()
}

/// The next `moof` from `at` on, which becomes the place after it; none at
/// the end of the file.
pub(crate) async fn next(
    source: &Source<'_>,
    at: &mut u64,
    window: u64,
) -> Result<Option<Top>, Error> {
    for _ in 0..BETWEEN {
        let Some(top) = Top::read(source, *at, window).await? else { return Ok(None) };
        *at = top.end();
        if &top.header.name == b"moof" {
            return Ok(Some(top));
        }
    }
    Err(Error::unsupported("too many boxes lie between two fragments"))
}

/// Reads a `moof`.
pub(crate) async fn read(
    source: &Source<'_>,
    moof: &Top,
    carried: &mut [Carried],
) -> Result<Vec<Fragment>, Error> {
    if moof.header.size > MOOF {
        return Err(Error::too_large("a fragment is too large"));
    }
    let bytes = source.get(moof.at, moof.header.size).await?;
    fragment::read(&bytes, moof.at, source.size(), carried)
}
