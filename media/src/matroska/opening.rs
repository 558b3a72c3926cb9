//! What the beginning of a file tells about the rest: when it begins, and how
//! sound and picture lie beside each other.

use super::head::Head;
use super::walk::Walk;
use super::window::Window;
use crate::{Error, TrackKind};

/// Bytes after the first cluster's beginning that are looked at, where the
/// beginning of the file does not reach so far.
const LOOK: u64 = 64 * 1024;
/// Most blocks that are looked at.
const BLOCKS: usize = 20_000;
/// Bytes of a keyframe that are kept.
const FRAME: usize = 32;

/// What the beginning tells.
#[derive(Debug, Clone, Default)]
pub struct Opening {
    /// Least time stamp, ticks.
    pub zero: i64,
    /// Most ticks that a sound is later than a picture that stands after it.
    pub lead: i64,
    /// Most ticks that a sound is earlier than a picture that stands before it.
    pub lag: i64,
    /// Beginning of the first picture's first keyframe, if it was seen.
    pub frame: Vec<u8>,
}

/// Looks at the first clusters.
///
/// # Errors
/// Those of the file.
pub async fn look(window: &mut Window<'_>, head: &Head) -> Result<Opening, Error> {
    let mut opening = Opening::default();
    let Some(first) = head.clusters else { return Ok(opening) };
    let until = window.head().max(first.saturating_add(LOOK)).min(head.end);
    let (mut zero, mut picture, mut sound) = (None, None::<i64>, None::<i64>);
    let (mut at, mut blocks) = (first, 0);
    // What can't be read here only tells less.
    'clusters: while let Ok(Some(mut walk)) = Walk::open(window, at).await {
        while let Ok(Some(seen)) = walk.next(window).await {
            let entry = head.entries.iter().find(|entry| u64::from(entry.track.id) == seen.track);
            match entry.map(|entry| entry.track.kind) {
                Some(TrackKind::Video) => {
                    if picture.is_none() {
                        let bytes = window.some(seen.frame, FRAME).await?;
                        opening.frame = bytes.to_vec();
                    }
                    let latest = picture.map_or(seen.time, |latest| latest.max(seen.time));
                    picture = Some(latest);
                    let lead = sound.map_or(0, |sound| sound.saturating_sub(latest));
                    opening.lead = opening.lead.max(lead);
                }
                Some(TrackKind::Audio) => {
                    sound = Some(sound.map_or(seen.time, |latest| latest.max(seen.time)));
                    let lag = picture.map_or(0, |picture| picture.saturating_sub(seen.time));
                    opening.lag = opening.lag.max(lag);
                }
                None => {}
            }
            if entry.is_some() {
                zero = Some(zero.map_or(seen.time, |zero: i64| zero.min(seen.time)));
            }
            blocks += 1;
            if walk.at >= until || blocks >= BLOCKS {
                break 'clusters;
            }
        }
        let next = walk.end.unwrap_or(walk.at);
        if next <= at || next >= until {
            break;
        }
        at = next;
    }
    opening.zero = zero.unwrap_or(0);
    Ok(opening)
}
