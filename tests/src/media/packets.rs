//! Which coded frames of a file are those of another one, byte for byte.

use std::collections::HashMap;
use std::path::Path;

use super::MediaError;
use crate::tool;

/// A hash of each coded frame of the first picture, in decoding order.
///
/// # Errors
/// When it is no media file.
pub fn packet_hashes(file: impl AsRef<Path>) -> Result<Vec<String>, MediaError> {
    let file = file.as_ref().display().to_string();
    let args = ["-v", "error", "-select_streams", "v:0", "-show_packets", "-show_data_hash"];
    let rest = ["sha256", "-show_entries", "packet=data_hash", "-of", "csv=p=0", &file];
    let output = tool::run("ffprobe", args.iter().chain(&rest))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect())
}

/// The part of the coded frames of `made`, 0 to 1, that are coded frames of `source`, byte for
/// byte. Both have to keep frames in the same form: MP4 and MPEG-TS do not.
///
/// # Errors
/// When one of them is no media file, or `made` has no frames.
pub fn copied_share(made: impl AsRef<Path>, source: impl AsRef<Path>) -> Result<f64, MediaError> {
    let made = made.as_ref();
    let mut known: HashMap<String, u32> = HashMap::new();
    for hash in packet_hashes(source)? {
        *known.entry(hash).or_default() += 1;
    }
    let hashes = packet_hashes(made)?;
    if hashes.is_empty() {
        return Err(MediaError(format!("{}: no frames", made.display())));
    }
    // A frame of the source counts once, however often it comes.
    let copied = hashes.iter().filter(|hash| match known.get_mut(*hash) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => false,
    });
    Ok(copied.count() as f64 / hashes.len() as f64)
}

/// Where a coded frame or a packet of sound is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Whether it is a frame of a picture.
    pub picture: bool,
    /// When it is shown or heard, seconds.
    pub pts: f64,
    /// Bytes.
    pub size: u64,
    /// Whether it is a keyframe.
    pub key: bool,
}

/// What is around the seconds from `from` to `to`: from a keyframe before them on.
///
/// # Errors
/// When it is no media file.
pub fn packet_places(file: impl AsRef<Path>, from: f64, to: f64) -> Result<Vec<Place>, MediaError> {
    let file = file.as_ref().display().to_string();
    let interval = format!("{}%{to}", from.max(0.0));
    let args = ["-v", "error", "-read_intervals", &interval, "-show_packets", "-show_entries"];
    let rest = ["packet=codec_type,pts_time,size,flags", "-of", "csv=p=0", &file];
    let output = tool::run("ffprobe", args.iter().chain(&rest))?;
    let read = |line: &str| {
        let mut fields = line.split(',');
        let picture = fields.next()? == "video";
        let (pts, size) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let key = fields.next().is_some_and(|flags| flags.starts_with('K'));
        Some(Place { picture, pts, size, key })
    };
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(read).collect())
}
