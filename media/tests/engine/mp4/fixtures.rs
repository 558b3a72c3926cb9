//! Small files that `ffmpeg` makes, and what `ffprobe` says of them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_media::{ClipFile, ClipPart, LocalFile, MediaError, ReadAt};

/// Makes a file of a moving picture and a tone. `{N}` in `args` is the length.
pub fn generate(dir: &Path, name: &str, seconds: u32, args: &str) -> PathBuf {
    let path = dir.join(name);
    let picture = format!("testsrc2=size=320x180:rate=25:duration={seconds}");
    let sound = format!("sine=frequency=440:sample_rate=48000:duration={seconds}");
    let inputs = ["-v", "error", "-y", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound];
    run(
        "ffmpeg",
        inputs.into_iter().chain(args.split_whitespace()).chain([path.to_str().unwrap()]),
    );
    path
}

/// Makes a file out of another one.
pub fn remux(source: &Path, name: &str, args: &str) -> PathBuf {
    let path = source.with_file_name(name);
    let mut all: Vec<&str> = args.split_whitespace().collect();
    let at = all.iter().position(|arg| *arg == "IN").unwrap();
    all.splice(at..=at, ["-i", source.to_str().unwrap()]);
    run("ffmpeg", ["-v", "error", "-y"].into_iter().chain(all).chain([path.to_str().unwrap()]));
    path
}

/// Runs a tool that must succeed and say nothing of errors.
pub fn run<'a>(tool: &str, args: impl IntoIterator<Item = &'a str>) -> String {
    let args: Vec<_> = args.into_iter().collect();
    let output = Command::new(tool).args(&args).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{tool} {args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// A packet as `ffprobe` sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Packet {
    pub pts: i64,
    pub size: u32,
    pub offset: u64,
    pub sync: bool,
}

/// The packets of each stream in decoding order; ticks.
pub fn packets(path: &Path) -> Vec<Vec<Packet>> {
    let path = path.to_str().unwrap();
    let entries = "packet=stream_index,pts,size,pos,flags";
    let text = run("ffprobe", ["-v", "error", "-show_entries", entries, "-of", "csv=p=0", path]);
    let mut streams = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let fields: Vec<_> = line.split(',').collect();
        let packet = Packet {
            pts: fields[1].parse().unwrap(),
            size: fields[2].parse().unwrap(),
            offset: fields[3].parse().unwrap(),
            sync: fields[4].starts_with('K'),
        };
        let stream: usize = fields[0].parse().unwrap();
        streams.resize_with(streams.len().max(stream + 1), Vec::new);
        streams[stream].push(packet);
    }
    streams
}

/// Decodes all of a file; what comes out of each stream: when, and a hash.
/// With `leading`, the first pictures may need others that are not there.
pub fn frames(path: &Path, leading: bool) -> Vec<Vec<(i64, String)>> {
    let path = path.to_str().unwrap();
    let args = "-map 0 -c:a pcm_s16le -fps_mode passthrough -enc_time_base -1 -f framemd5 -";
    let level = if leading { "fatal" } else { "error" };
    let input = ["-v", level, "-xerror", "-copyts", "-i", path];
    let text = run("ffmpeg", input.into_iter().chain(args.split(' ')));
    let mut streams = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<_> = line.split(',').map(str::trim).collect();
        let stream: usize = fields[0].parse().unwrap();
        streams.resize_with(streams.len().max(stream + 1), Vec::new);
        streams[stream].push((fields[2].parse().unwrap(), fields[5].to_owned()));
    }
    streams
}

/// Writes the small file.
pub fn write_clip(located: &ClipFile, source: &Path, name: &str) -> PathBuf {
    let bytes = std::fs::read(source).unwrap();
    let mut small = Vec::new();
    for part in &located.parts {
        match part {
            ClipPart::Generated(made) => small.extend(made),
            ClipPart::Copied(range) => {
                small.extend(&bytes[range.start as usize..range.end as usize]);
            }
        }
    }
    let path = source.with_file_name(name);
    std::fs::write(&path, small).unwrap();
    path
}

/// Bytes that are copied of the original file.
pub fn copied(located: &ClipFile) -> u64 {
    let length = |part: &ClipPart| match part {
        ClipPart::Generated(_) => 0,
        ClipPart::Copied(range) => range.end - range.start,
    };
    located.parts.iter().map(length).sum()
}

/// A file that counts what is read of it.
pub struct Counting<F> {
    pub file: F,
    pub requests: AtomicUsize,
    pub bytes: AtomicU64,
}

impl<F> Counting<F> {
    pub fn new(file: F) -> Counting<F> {
        Counting { file, requests: AtomicUsize::new(0), bytes: AtomicU64::new(0) }
    }

    pub fn counted(&self) -> (usize, u64) {
        (self.requests.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

impl Counting<LocalFile> {
    pub fn open(path: &Path) -> Counting<LocalFile> {
        Counting::new(LocalFile::open(path).unwrap())
    }
}

#[async_trait]
impl<F: ReadAt> ReadAt for Counting<F> {
    fn size(&self) -> u64 {
        self.file.size()
    }

    async fn read_at(&self, from: u64, length: usize) -> Result<Bytes, MediaError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(length as u64, Ordering::Relaxed);
        self.file.read_at(from, length).await
    }
}
