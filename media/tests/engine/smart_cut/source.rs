//! Files that `ffmpeg` makes, and what `ffprobe` says of them: a judge that
//! knows nothing of our own reader.

use std::path::{Path, PathBuf};
use std::process::Command;

use clipmill_core::Timescale;
use clipmill_media::codec::nal::{LengthSize, split_nal_units};
use clipmill_media::{CodecId, LocalFile, Sample, Track, TrackKind};

/// Neither side is a whole number of blocks.
pub const PICTURE: &str = "testsrc2=s=196x108:r=25";

/// A file with one picture.
pub struct Source {
    /// What `ffmpeg` is given.
    pub path: PathBuf,
    /// What `track` describes: the same file, unless it was changed.
    pub bytes: PathBuf,
    pub track: Track,
    pub interlaced: bool,
    /// Keeps what was made.
    folder: Option<tempfile::TempDir>,
}

impl Source {
    /// Frames of a moving picture, encoded with these arguments.
    pub fn make(frames: usize, picture: &str, arguments: &str) -> Source {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("source.mp4");
        encode(frames, picture, arguments, &path);
        Source { folder: Some(folder), ..Source::read(&path) }
    }

    /// The same in Matroska or WebM, which our own reader reads.
    pub async fn matroska(frames: usize, arguments: &str, extension: &str) -> Source {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("source.{extension}"));
        encode(frames, PICTURE, arguments, &path);
        Source { folder: Some(folder), ..Source::read_matroska(&path).await }
    }

    /// A file of Matroska that is there.
    pub async fn read_matroska(path: &Path) -> Source {
        let media = clipmill_media::matroska::read(&LocalFile::open(path).unwrap()).await.unwrap();
        let track = media.video_track().unwrap().clone();
        let (path, bytes) = (path.to_owned(), path.to_owned());
        Source { path, bytes, track, interlaced: false, folder: None }
    }

    /// A file that is there.
    pub fn read(path: &Path) -> Source {
        let bytes = std::fs::read(path).unwrap();
        let stream = ffprobe(path, "stream=codec_name,width,height,time_base");
        let stream: Vec<&str> = stream.trim().split(',').collect();
        let (codec, name) = match stream[0] {
            "h264" => (CodecId::H264, "avcC"),
            "hevc" => (CodecId::Hevc, "hvcC"),
            "vp9" => (CodecId::Vp9, "vpcC"),
            "av1" => (CodecId::Av1, "av1C"),
            other => panic!("{other}"),
        };
        // Behind the head of the table and the number of its entries.
        let table = &found(&bytes, "stsd").unwrap()[16..];
        let size = u32::from_be_bytes(table[..4].try_into().unwrap()) as usize;
        let entry = &table[..size];
        let config = found(entry, name).unwrap()[8..].to_vec();
        let packets = ffprobe(path, "packet=pts,duration,size,pos,flags");
        let samples = packets.lines().map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            Sample {
                pts: fields[0].parse().unwrap(),
                duration: fields[1].parse().unwrap_or(1),
                size: fields[2].parse().unwrap(),
                offset: fields[3].parse().unwrap(),
                sync: fields[4].starts_with('K'),
            }
        });
        let timescale = stream[3].strip_prefix("1/").unwrap().parse().unwrap();
        let timescale = Timescale::new(timescale).unwrap();
        let track = Track {
            id: 1,
            codec,
            config,
            entry: Some(entry.to_vec()),
            width: stream[1].parse().unwrap(),
            height: stream[2].parse().unwrap(),
            samples: samples.collect(),
            ..Track::empty(TrackKind::Video, timescale)
        };
        Source {
            path: path.to_owned(),
            bytes: path.to_owned(),
            track,
            interlaced: false,
            folder: None,
        }
    }

    /// Lengths of units take two bytes from now on.
    pub fn shorten_lengths(&mut self) {
        let whole = std::fs::read(&self.bytes).unwrap();
        let (long, short) =
            (LengthSize::from_minus_one(3).unwrap(), LengthSize::from_minus_one(1).unwrap());
        let mut bytes = Vec::new();
        for sample in &mut self.track.samples {
            let from = bytes.len();
            let units = &whole[sample.offset as usize..][..sample.size as usize];
            for unit in split_nal_units(units, long).unwrap() {
                short.push(unit, &mut bytes).unwrap();
            }
            (sample.offset, sample.size) = (from as u64, (bytes.len() - from) as u32);
        }
        self.track.config[4] = 0xfd;
        self.bytes = self.beside("short");
        std::fs::write(&self.bytes, bytes).unwrap();
    }

    /// When frames are shown, in that order.
    pub fn times(&self) -> Vec<i64> {
        let mut times: Vec<i64> = self.track.samples.iter().map(|sample| sample.pts).collect();
        times.sort_unstable();
        times
    }

    /// A place for a further file.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.as_ref().unwrap().path().join(name)
    }
}

/// The whole box of that name: there is one, and nothing else looks like it.
fn found<'a>(bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let place = bytes.windows(4).position(|four| four == name.as_bytes())? - 4;
    let size = u32::from_be_bytes(bytes[place..place + 4].try_into().unwrap()) as usize;
    bytes.get(place..place + size)
}

/// Frames of a moving picture, encoded with these arguments.
fn encode(frames: usize, picture: &str, arguments: &str, path: &Path) {
    let input = format!("{picture}[out0]");
    let frames = frames.to_string();
    let mut words = vec!["-f", "lavfi", "-i", &input, "-frames:v", &frames];
    words.extend(arguments.split_whitespace());
    words.push(path.to_str().unwrap());
    ffmpeg(&words);
}

/// Runs `ffmpeg`, which must not complain.
pub fn ffmpeg(arguments: &[impl AsRef<std::ffi::OsStr>]) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y"]).args(arguments);
    let output = command.env("SVT_LOG", "1").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
}

/// What `ffprobe` says of the picture.
pub fn ffprobe(path: &Path, entries: &str) -> String {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", "v:0", "-of", "csv=p=0", "-show_entries"]);
    let output = command.arg(entries).arg(path).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// A hash of each frame, decoded without a complaint.
pub fn hashes(path: &Path) -> Vec<String> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-xerror", "-nostdin", "-noautorotate", "-i"]).arg(path);
    command.args(["-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-"]);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.is_empty(), "{}: {told}", path.display());
    let lines = String::from_utf8(output.stdout).unwrap();
    let frames = lines.lines().filter(|line| !line.starts_with('#'));
    frames.map(|line| line.rsplit(',').next().unwrap().trim().to_owned()).collect()
}
