//! What ffmpeg and ffprobe make of a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::inputs::run;

/// Hashes of frames by their milliseconds.
pub type Frames = BTreeMap<i64, String>;

/// A packet as ffprobe tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Packet {
    pub stream: usize,
    /// Milliseconds.
    pub pts: i64,
    pub size: u64,
    pub at: u64,
    pub key: bool,
}

/// All packets, in the file's order.
pub fn packets(path: &Path) -> Vec<Packet> {
    let entries = "packet=stream_index,pts_time,size,pos,flags";
    let path = path.to_str().unwrap();
    let told = run("ffprobe", &["-v", "error", "-show_entries", entries, "-of", "csv=p=0", path]);
    let packet = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        Packet {
            stream: fields[0].parse().unwrap(),
            pts: (fields[1].parse::<f64>().unwrap() * 1000.0).round() as i64,
            size: fields[2].parse().unwrap(),
            at: fields[3].parse().unwrap(),
            key: fields[4].starts_with('K'),
        }
    };
    told.lines().filter(|line| !line.is_empty()).map(packet).collect()
}

/// What ffprobe tells of one thing.
pub fn probe(path: &Path, entries: &str) -> Vec<String> {
    let path = path.to_str().unwrap();
    let told = run("ffprobe", &["-v", "error", "-show_entries", entries, "-of", "csv=p=0", path]);
    told.lines().map(str::to_owned).collect()
}

/// As [`frames`], of a file that is looked at often.
pub fn known(path: &Path, stream: &str) -> Frames {
    static KNOWN: Mutex<BTreeMap<(PathBuf, String), Frames>> = Mutex::new(BTreeMap::new());
    let key = (path.to_owned(), stream.to_owned());
    let have = KNOWN.lock().unwrap().get(&key).cloned();
    have.unwrap_or_else(|| {
        let frames = frames(path, stream, &[]);
        KNOWN.lock().unwrap().insert(key, frames.clone());
        frames
    })
}

/// Hashes of all decoded frames by their milliseconds. The first frames may
/// need ones that are missing; anything else that can't be decoded fails.
pub fn frames(path: &Path, stream: &str, before: &[&str]) -> Frames {
    let mut arguments = vec!["-v", "fatal"];
    if before.is_empty() {
        arguments = vec!["-v", "error", "-xerror"];
    }
    arguments.extend(before);
    arguments.extend(["-copyts", "-i", path.to_str().unwrap(), "-map", stream]);
    arguments.extend(["-vsync", "passthrough", "-enc_time_base", "1:1000", "-f", "framemd5", "-"]);
    let told = run("ffmpeg", &arguments);
    let mut frames = BTreeMap::new();
    for line in told.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        frames.insert(fields[2].parse().unwrap(), fields[5].to_owned());
    }
    frames
}
