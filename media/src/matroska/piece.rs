//! A run of clusters that may begin and end in the middle of one.

use super::ids;
use super::locate::Found;
use super::walk::Walk;
use super::window::Window;
use crate::Error;
use crate::clip_file::ClipPart;
use crate::matroska::write::{header, header_of_any_size, unsigned};

/// A place between two blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// First byte of its cluster, or of what follows the last one.
    pub cluster: u64,
    /// First byte of the block in that cluster; the cluster's own one if it is
    /// right before it.
    pub at: u64,
}

impl Edge {
    /// The beginning of a cluster.
    pub fn of(cluster: u64) -> Edge {
        Edge { cluster, at: cluster }
    }

    /// Whether it is within its cluster.
    fn within(&self) -> bool {
        self.at > self.cluster
    }
}

/// The parts from one edge to another.
///
/// # Errors
/// Those of the file, or when there is no cluster where one has to be.
pub async fn parts(window: &mut Window<'_>, found: Found) -> Result<Vec<ClipPart>, Error> {
    let Found { from, to } = found;
    if to.at <= from.at {
        return Err(Error::nothing("no frames within the span"));
    }
    let mut parts = Vec::new();
    if from.cluster == to.cluster {
        cut(window, from, Some(to.at), &mut parts).await?;
        return Ok(parts);
    }
    if from.within() {
        cut(window, from, None, &mut parts).await?;
        if let Some(ClipPart::Copied(range)) = parts.last_mut() {
            range.end = to.cluster;
        }
    } else {
        parts.push(ClipPart::Copied(from.cluster..to.cluster));
    }
    if to.within() {
        cut(window, Edge::of(to.cluster), Some(to.at), &mut parts).await?;
    }
    Ok(parts)
}

/// Some blocks of a cluster, from an edge in it to `to` or to its end.
async fn cut(
    window: &mut Window<'_>,
    from: Edge,
    to: Option<u64>,
    parts: &mut Vec<ClipPart>,
) -> Result<(), Error> {
    let lost = || Error::damaged("no cluster where the index has one");
    let mut walk = Walk::open(window, from.cluster).await?.ok_or_else(lost)?;
    let mut made = Vec::new();
    let mut first = walk.content;
    if from.within() {
        let time = walk.stamp(window).await?.ok_or_else(lost)?;
        made = unsigned(ids::TIMESTAMP, time);
        first = from.at;
    }
    let content = match to.or(walk.end) {
        Some(end) => made.len() as u64 + end.checked_sub(first).ok_or_else(lost)?,
        None => u64::MAX,
    };
    let mut head = if content == u64::MAX {
        header_of_any_size(ids::CLUSTER)
    } else {
        header(ids::CLUSTER, content)
    };
    head.extend(made);
    parts.push(ClipPart::Generated(head));
    parts.push(ClipPart::Copied(first..to.or(walk.end).unwrap_or(first)));
    Ok(())
}
