//! Finding a span's clusters by the index.

use super::cues::Cue;
use super::head::Head;
use super::locate::{Found, Span};
use super::piece::Edge;
use super::search::Search;
use super::unindexed::clusters_end;
use super::walk::Walk;
use super::window::Window;
use crate::Error;

/// Most bytes of sound before a keyframe in its cluster that are taken along.
const TAKEN: u64 = 4096;
/// Seconds between two entries of an index beyond which it is looked between.
const SPARSE: u64 = 10;
/// Bytes between two entries of an index beyond which it is looked between.
const LARGE: u64 = 1024 * 1024;
/// Bytes of a cluster's content within which its first block begins.
const FIRST: u64 = 64;
/// Most cues that are tried for the end of a span.
const TRIED: usize = 64;
/// Most blocks that are looked at behind a keyframe.
const BEHIND: usize = 96;
/// Most bytes behind a keyframe within which blocks are looked at.
const FAR: u64 = 4 * 1024 * 1024;

/// The clusters of a span; none when the index does not tell.
///
/// # Errors
/// Those of the file.
pub async fn find(
    window: &mut Window<'_>,
    head: &Head,
    cues: &[Cue],
    span: &Span,
) -> Result<Option<Found>, Error> {
    let mut own: Vec<Cue> = cues.iter().filter(|cue| cue.track == span.leader).copied().collect();
    if own.is_empty() && !span.picture {
        own = cues.to_vec();
    }
    // Later frames stand later; what says otherwise is damaged.
    let mut last = (0, 0);
    own.retain(|cue| {
        let later = (cue.at, cue.within) >= last;
        last = last.max((cue.at, cue.within));
        later
    });
    let begins = span.start.saturating_sub(span.lead);
    let first = own.partition_point(|cue| cue.time <= begins).saturating_sub(1);
    let Some(cue) = own.get(first).copied() else { return Ok(None) };
    let after = own.partition_point(|cue| cue.time < span.end).max(first + 1);
    let after = own.get(after..).unwrap_or_default();

    let far = |from: u64, to: u64| to.saturating_sub(from) > SPARSE * span.second;
    let mut from = match head.clusters {
        // Nothing that is wanted stands before the first keyframe but sound.
        Some(first) if cue.time > begins => Edge::of(first.min(cue.at)),
        _ => start(window, &cue).await?,
    };
    let bound = after.first().map_or_else(|| clusters_end(head, cue.at), |next| next.at);
    let mut search = Search::new(bound);
    let large = bound.saturating_sub(cue.at) > LARGE;
    // Sound can begin anywhere, not only where the index tells.
    if large
        && !span.picture
        && far(cue.time, begins)
        && let Some(low) = search.spot(window, cue.at).await?
    {
        from = Edge::of(search.last(window, low, begins).await?.0.at);
    }
    if large && after.first().is_none_or(|next| far(span.end, next.time)) {
        let until = span.end.saturating_add(span.late.max(1)) - 1;
        if let Some(low) = search.spot(window, from.cluster).await?
            && let (_, Some(next)) = search.last(window, low, until).await?
        {
            return Ok(Some(Found { from, to: Edge::of(next.at) }));
        }
    }
    let to = end(window, after, from, span).await?;
    let to = to.unwrap_or_else(|| Edge::of(clusters_end(head, cue.at)));
    Ok(Some(Found { from, to }))
}

/// Where the frames of a cue begin, as far as the index tells. Sound that
/// stands right before them in their cluster is taken along.
async fn start(window: &mut Window<'_>, cue: &Cue) -> Result<Edge, Error> {
    if cue.within <= FIRST {
        return Ok(Edge::of(cue.at));
    }
    if cue.within <= TAKEN
        && let Some(mut walk) = Walk::open(window, cue.at).await?
    {
        for _ in 0..BEHIND {
            let Some(seen) = walk.next(window).await.ok().flatten() else { break };
            if seen.track != cue.track {
                continue;
            }
            if seen.at - walk.content == cue.within {
                return Ok(Edge::of(cue.at));
            }
            break;
        }
    }
    Ok(block(window, cue).await?.unwrap_or(Edge::of(cue.at)))
}

/// Where the frames of a span end, when these are the cues after it; none when
/// they do not tell.
async fn end(
    window: &mut Window<'_>,
    cues: &[Cue],
    from: Edge,
    span: &Span,
) -> Result<Option<Edge>, Error> {
    let mut failed = None;
    for cue in cues.iter().take(TRIED) {
        if failed == Some((cue.at, cue.within)) {
            continue;
        }
        let edge = match cue.within {
            0 => leading(window, cue).await?,
            within if within <= FIRST => Some(Edge::of(cue.at)),
            _ => block(window, cue).await?,
        };
        match edge.filter(|edge| edge.at > from.at) {
            Some(edge) => return tail(window, cue, edge, span).await.map(Some),
            None => failed = Some((cue.at, cue.within)),
        }
    }
    Ok(None)
}

/// The edge before a cue's cluster, if no frame of the cue's track stands
/// before the cue in it.
async fn leading(window: &mut Window<'_>, cue: &Cue) -> Result<Option<Edge>, Error> {
    let Some(mut walk) = Walk::open(window, cue.at).await? else { return Ok(None) };
    for _ in 0..BEHIND {
        let Some(seen) = walk.next(window).await.ok().flatten() else { return Ok(None) };
        if seen.track == cue.track {
            let leads = u64::try_from(seen.time).is_ok_and(|time| time >= cue.time);
            return Ok(leads.then_some(Edge::of(cue.at)));
        }
    }
    Ok(None)
}

/// The edge before a cue's block, if there is one where the index has it.
async fn block(window: &mut Window<'_>, cue: &Cue) -> Result<Option<Edge>, Error> {
    let Some(mut walk) = Walk::open(window, cue.at).await? else { return Ok(None) };
    let Some(at) = walk.content.checked_add(cue.within) else { return Ok(None) };
    if walk.stamp(window).await?.is_none() {
        return Ok(None);
    }
    walk.at = at;
    // Nothing may begin there; then the index is wrong, not the file.
    let seen = walk.next(window).await.ok().flatten();
    let right = seen.filter(|seen| {
        seen.at == at && seen.track == cue.track && u64::try_from(seen.time) == Ok(cue.time)
    });
    Ok(right.map(|_| Edge { cluster: cue.at, at }))
}

/// The end of the last wanted block behind `edge`, which is where the first
/// cue after the span is: frames may be shown in another order, and sound may
/// stand behind the picture that it is heard with.
async fn tail(window: &mut Window<'_>, cue: &Cue, edge: Edge, span: &Span) -> Result<Edge, Error> {
    if cue.time.saturating_sub(span.end) >= span.late {
        return Ok(edge);
    }
    let Some(mut walk) = Walk::open(window, cue.at).await? else { return Ok(edge) };
    if edge.at > edge.cluster {
        walk.stamp(window).await?;
        walk.at = edge.at;
    }
    let (begin, mut keep) = (walk.at, edge);
    // A track is done with when one of its frames shows that no earlier one
    // follows.
    let mut picture = !span.reorders;
    let mut sound = span.sound.is_none();
    for _ in 0..BEHIND {
        if picture && sound {
            break;
        }
        let Some(seen) = walk.next(window).await.ok().flatten() else { break };
        if seen.at.saturating_sub(begin) > FAR {
            break;
        }
        let time = u64::try_from(seen.time).unwrap_or(0);
        let ours = seen.track == span.leader || Some(seen.track) == span.sound;
        if ours && time < span.end {
            keep = Edge { cluster: cue.at, at: seen.end };
        }
        picture |= seen.track == span.leader && time > cue.time;
        sound |= Some(seen.track) == span.sound && time >= span.end;
    }
    Ok(keep)
}
