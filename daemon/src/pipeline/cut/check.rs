//! A decoder looks at both seams of a result before anybody gets it.

use std::path::Path;

use super::{Picture, Trouble};
use crate::ffmpeg::{Frames, Input, Look};
use crate::pipeline::street::Shop;

/// Frames that are decoded beyond a seam.
const BEYOND: usize = 3;
/// By how much a time may be rounded by a file format, microseconds.
const ROUNDED: i64 = 1000;

/// Decodes around the seams, both at the same time, and compares the times of
/// the frames with those that were put there.
pub(super) async fn seams(shop: &Shop, path: &Path, picture: &Picture) -> Result<(), Trouble> {
    let input = Input::file(path).await?;
    let (head, tail) = picture.encoded;
    let all: Vec<i64> = picture.times.iter().map(|ticks| picture.micros(*ticks)).collect();
    let front = async {
        let wanted = all.get(..(head + BEYOND).min(all.len())).unwrap_or_default();
        let look = Look { input: &input, from_micros: None, frames: wanted.len() };
        match head {
            0 => Ok(()),
            _ => compare(shop.tools.look(&look).await?, wanted, i64::MIN),
        }
    };
    let back = async {
        // From the keyframe before the seam to the end.
        let seam = picture.times.len().saturating_sub(tail);
        let before = seam.checked_sub(1).and_then(|last| picture.times.get(last));
        let key = picture.keys.iter().filter(|key| before.is_some_and(|last| *key <= last)).max();
        let (0.., Some(key)) = (tail, key) else { return Ok(()) };
        let from = picture.micros(*key);
        let wanted = all.get(all.partition_point(|time| *time < from)..).unwrap_or_default();
        // What is shown before the keyframe may come out as well.
        let look = Look { input: &input, from_micros: Some(from), frames: wanted.len() + 64 };
        match tail {
            0 => Ok(()),
            _ => compare(shop.tools.look(&look).await?, wanted, from - ROUNDED),
        }
    };
    tokio::try_join!(front, back)?;
    Ok(())
}

/// Whether these are the wanted frames, of those that are not before `from`.
fn compare(seen: Option<Frames>, wanted: &[i64], from: i64) -> Result<(), Trouble> {
    let unfit = |why: &str| Err(Trouble::Unfit(why.to_owned()));
    let Some(seen) = seen else { return unfit("a decoder finds a mistake at the seam") };
    let times: Vec<i64> = seen.list.iter().map(|frame| seen.micros(frame.pts)).collect();
    let times: Vec<i64> = times.into_iter().filter(|time| *time >= from).collect();
    let equal = times.len() == wanted.len()
        && times.iter().zip(wanted).all(|(seen, wanted)| (seen - wanted).abs() <= ROUNDED);
    if equal {
        return Ok(());
    }
    tracing::warn!(seen = times.len(), wanted = wanted.len(), "the seam is not right");
    unfit("a decoder sees other frames at the seam")
}

impl Picture {
    /// Ticks as microseconds.
    fn micros(&self, ticks: i64) -> i64 {
        let scale = i128::from(self.timescale.max(1));
        let micros = (i128::from(ticks) * 1_000_000 + scale / 2).div_euclid(scale);
        i64::try_from(micros).unwrap_or(i64::MAX)
    }
}
