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
const BACK: [u64; 3] = [0, 5, 20];
/// Most blocks of a cluster that are looked at for its first picture.
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
    let low = search.spot(window, first).await?.ok_or_else(none)?;
    let from = start(window, &mut search, low, span).await?;
    let after = span.end.saturating_add(span.late.max(1)) - 1;
    let to = match search.last(window, from, after).await?.1 {
        Some(next) => next.at,
        None => clusters_end(head, first),
    };
    Ok(Found { from: Edge::of(from.at), to: Edge::of(to) })
}

/// The last cluster at or before the span that begins with a keyframe.
async fn start(
    window: &mut Window<'_>,
    search: &mut Search,
    low: Spot,
    span: &Span,
) -> Result<Spot, Error> {
    let begins = span.start.saturating_sub(span.lead);
    let mut known = None;
    for back in BACK {
        let target = begins.saturating_sub(back * span.second);
        let (mut spot, mut next) = search.last(window, low, target).await?;
        let earliest = spot;
        if !span.picture {
            return Ok(spot);
        }
        let mut best = None;
        loop {
            if keyed(window, &spot, span.leader).await? {
                best = Some(spot);
            }
            let Some(after) = next.filter(|after| Some(*after) != known && after.time <= begins)
            else {
                break;
            };
            spot = after;
            next = search.next(window, spot).await?;
        }
        if let Some(best) = best {
            return Ok(best);
        }
        if earliest.at == low.at {
            return Ok(low);
        }
        known = Some(earliest);
        if back == BACK[BACK.len() - 1] {
            // Keyframes are in the middle of clusters: one of these has one.
            return Ok(earliest);
        }
    }
    Ok(low)
}

/// Whether the first frame of a track in a cluster is a keyframe.
async fn keyed(window: &mut Window<'_>, spot: &Spot, track: u64) -> Result<bool, Error> {
    let Some(mut walk) = Walk::open(window, spot.at).await? else { return Ok(false) };
    for _ in 0..BLOCKS {
        let Some(seen) = walk.next(window).await.ok().flatten() else { return Ok(false) };
        if seen.track == track {
            return seen.key(window).await;
        }
    }
    Ok(false)
}
