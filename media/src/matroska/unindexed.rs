//! Finding a span's clusters without an index.

use super::head::Head;
use super::ids;
use super::locate::{Found, Span};
use super::piece::Edge;
use super::search::{Search, Spot};
use super::walk::Walk;
use super::window::Window;
use crate::Error;

/// Seconds before the span in which a keyframe is looked for, one after the
/// other.
const BACK: [u64; 4] = [0, 3, 10, 30];
/// Bytes of a cluster within which a keyframe is looked for.
const LOOK: u64 = 8 * 1024;
/// Most blocks of a cluster that are looked at for a keyframe.
const BLOCKS: usize = 32;

/// The first byte that belongs to none of the clusters from `at` on, as far as
/// is known.
pub fn clusters_end(head: &Head, at: u64) -> u64 {
    let others = head.places.iter().filter(|place| place.0 != ids::CLUSTER && place.1 > at);
    // Only what is behind all clusters ends them: the index, as a rule, and
    // what follows it.
    others.map(|place| place.1).min().unwrap_or(head.end)
}

/// The clusters of a span.
///
/// # Errors
/// Those of the file, and when clusters are too far apart to be found.
pub async fn find(window: &mut Window<'_>, head: &Head, span: &Span) -> Result<Found, Error> {
    let none = || Error::nothing("no frames");
    let first = head.clusters.ok_or_else(none)?;
    let mut search = Search::new(clusters_end(head, first));
    window.ahead = LOOK as usize;
    let low = search.spot(window, first).await?.ok_or_else(none)?;
    let from = start(window, &mut search, low, span).await?;
    let after = span.end.saturating_add(span.late.max(1)) - 1;
    let low = search.spot(window, from.cluster).await?.ok_or_else(none)?;
    let to = match search.last(window, low, after).await?.1 {
        Some(next) => next.at,
        None => clusters_end(head, first),
    };
    Ok(Found { from, to: Edge::of(to) })
}

/// The last keyframe at or before the span that is near its cluster's
/// beginning; for sound, the last cluster.
async fn start(
    window: &mut Window<'_>,
    search: &mut Search,
    low: Spot,
    span: &Span,
) -> Result<Edge, Error> {
    let begins = span.start.saturating_sub(span.lead);
    let mut known = None;
    let mut earliest = low;
    for back in BACK {
        let target = begins.saturating_sub(back * span.second);
        let (mut spot, mut next) = search.last(window, low, target).await?;
        earliest = spot;
        if !span.picture {
            break;
        }
        let mut best = None;
        loop {
            best = keyframe(window, &spot, span.leader, begins).await?.or(best);
            let after = match next.take() {
                Some(next) => Some(next),
                None => search.next(window, spot).await?,
            };
            let wanted = |after: &Spot| known != Some(*after) && after.time <= begins;
            let Some(after) = after.filter(wanted) else { break };
            spot = after;
        }
        if let Some(best) = best {
            return Ok(best);
        }
        if earliest.at == low.at {
            break;
        }
        known = Some(earliest);
    }
    // If none was found, keyframes are in the middle of clusters: one of these
    // has one.
    Ok(Edge::of(earliest.at))
}

/// The edge before the first keyframe of a track near a cluster's beginning,
/// not after `time`. Muxers begin a cluster at a keyframe, but not one cluster
/// right after another.
async fn keyframe(
    window: &mut Window<'_>,
    spot: &Spot,
    track: u64,
    time: u64,
) -> Result<Option<Edge>, Error> {
    let Some(mut walk) = Walk::open(window, spot.at).await? else { return Ok(None) };
    let mut first = true;
    for _ in 0..BLOCKS {
        let Some(seen) = walk.next(window).await.ok().flatten() else { return Ok(None) };
        if seen.track == track {
            if seen.key(window).await? {
                let within = u64::try_from(seen.time).is_ok_and(|seen| seen <= time);
                let at = if first { spot.at } else { seen.at };
                return Ok(within.then_some(Edge { cluster: spot.at, at }));
            }
            first = false;
        }
        if walk.at.saturating_sub(spot.at) > LOOK {
            return Ok(None);
        }
    }
    Ok(None)
}
