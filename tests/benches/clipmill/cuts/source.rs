//! Long files, made once: ten minutes of 1080p as sites have it, the same
//! packed for streaming, and hours of almost nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clipmill_tests::media::{Place, name_indexes, packet_places};
use clipmill_tests::tool;

use crate::measure::quick;
use crate::media;

const DEADLINE: Duration = Duration::from_secs(3_600);

/// Size of the picture, and kbit/s.
fn picture() -> (&'static str, u32) {
    if quick() { ("640x360", 900) } else { ("1920x1080", 5_000) }
}

/// The name of what is made with [`picture`].
fn named(name: &str) -> String {
    if quick() { format!("quick-{name}") } else { name.to_owned() }
}

/// Ten minutes of 1080p30, 5.1 Mbit/s, a keyframe each 3.7 s, two
/// B-frames, index in front. All here is small where a short run is asked for.
pub fn ten_minutes() -> PathBuf {
    let (size, rate) = picture();
    // One minute ten times: making ten would take half an hour on a small machine.
    let minute = made(&named("minute.mp4"), |out| {
        run(
            &format!(
                "-f lavfi -i testsrc2=size={size}:rate=30:duration=60 \
                 -vf noise=c0s=4:c0f=t,format=yuv420p -c:v libx264 -preset superfast -bf 2 \
                 -g 110 -b:v {rate}k -maxrate {rate}k -bufsize {}k",
                2 * rate
            ),
            out,
        );
    });
    made(&named("ten-minutes.mp4"), |out| {
        run(
            &format!(
                "-stream_loop 9 -i {} -f lavfi \
                 -i sine=frequency=440:sample_rate=48000:duration=600 -map 0:v -map 1:a \
                 -c:v copy -c:a aac -b:a 128k -ac 2 -movflags +faststart",
                minute.display()
            ),
            out,
        );
    })
}

/// The same as DASH: a file a track, each with its segment index.
pub fn dash() -> PathBuf {
    let source = ten_minutes();
    let manifest = folder(&named("dash")).join("index.mpd");
    if !manifest.is_file() {
        let how = format!(
            "-i {} -c copy -f dash -single_file 1 -global_sidx 1 -use_template 0 -seg_duration 5",
            source.display()
        );
        run(&how, &manifest);
        name_indexes(&manifest).unwrap_or_else(|error| panic!("{error}"));
    }
    manifest
}

/// The same as HLS: MPEG-TS, 6 s a segment.
pub fn hls() -> PathBuf {
    let source = ten_minutes();
    let playlist = folder(&named("hls")).join("index.m3u8");
    if !playlist.is_file() {
        let how = format!(
            "-i {} -c copy -f hls -hls_time 6 -hls_playlist_type vod -hls_segment_type mpegts",
            source.display()
        );
        run(&how, &playlist);
    }
    playlist
}

/// Two and a half minutes of VP9 and Opus with cues.
pub fn webm() -> PathBuf {
    let (size, rate) = picture();
    made(&named("vp9.webm"), |out| {
        run(
            &format!(
                "-f lavfi -i testsrc2=size={size}:rate=30:duration=150 \
                 -f lavfi -i sine=frequency=440:sample_rate=48000:duration=150 \
                 -vf noise=c0s=4:c0f=t,format=yuv420p -c:v libvpx-vp9 -deadline realtime \
                 -cpu-used 8 -row-mt 1 -b:v {}k -g 150 -c:a libopus -b:a 128k -cues_to_front 1",
                rate / 2
            ),
            out,
        );
    })
}

/// So many minutes of a picture that hardly changes.
pub fn quiet(minutes: u32) -> PathBuf {
    let minute = made("quiet-1.mp4", |out| {
        run(
            "-f lavfi -i testsrc=size=640x360:rate=30:duration=60 \
             -f lavfi -i sine=frequency=440:sample_rate=48000:duration=60 \
             -c:v libx264 -preset veryfast -bf 2 -g 150 -crf 40 -pix_fmt yuv420p -c:a aac -b:a 24k",
            out,
        );
    });
    made(&format!("quiet-{minutes}.mp4"), |out| {
        let again = minutes - 1;
        run(
            &format!("-stream_loop {again} -i {} -c copy -movflags +faststart", minute.display()),
            out,
        );
    })
}

/// Bytes of the samples that a span needs: from the keyframe at or before it,
/// to its end.
pub fn needed(file: &Path, (from, to): (f64, f64)) -> u64 {
    let places = around(file, (from, to));
    sum(&places, keyframe_before(&places, from), from, to)
}

/// Bytes of the samples of a span that is widened to whole GOPs.
pub fn aligned(file: &Path, (from, to): (f64, f64)) -> u64 {
    let places = around(file, (from, to));
    let end = keyframes(&places).filter(|pts| *pts >= to).fold(f64::INFINITY, f64::min);
    assert!(end.is_finite(), "no keyframe was looked for after the span");
    let begin = keyframe_before(&places, from);
    sum(&places, begin, begin, end)
}

fn around(file: &Path, (from, to): (f64, f64)) -> Vec<Place> {
    packet_places(file, from - 12.0, to + 12.0).unwrap_or_else(|error| panic!("{error}"))
}

fn keyframes(places: &[Place]) -> impl Iterator<Item = f64> {
    places.iter().filter(|place| place.picture && place.key).map(|place| place.pts)
}

fn keyframe_before(places: &[Place], from: f64) -> f64 {
    keyframes(places).filter(|pts| *pts <= from + 1e-3).fold(0.0, f64::max)
}

/// Bytes of the picture from one time on, of the sound from another.
fn sum(places: &[Place], picture: f64, sound: f64, to: f64) -> u64 {
    let within = |place: &&Place| {
        let begin = if place.picture { picture } else { sound };
        place.pts >= begin - 1e-3 && place.pts < to
    };
    places.iter().filter(within).map(|place| place.size).sum()
}

/// Bytes of a playlist and of the segments that a span needs: segments are had whole.
pub fn needed_segments(playlist: &Path, (from, to): (f64, f64)) -> u64 {
    let text = fs::read_to_string(playlist).expect("the playlist is there");
    let (mut begin, mut length, mut sum) = (0.0, 0.0, text.len() as u64);
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("#EXTINF:") {
            length = rest.trim_end_matches(',').parse().expect("a length in seconds");
        } else if !line.starts_with('#') {
            if begin < to && begin + length > from {
                let file = playlist.with_file_name(line);
                sum += file.metadata().expect("the segment is there").len();
            }
            begin += length;
        }
    }
    sum
}

/// Bytes of an MP4's `moov`.
pub fn index(file: &Path) -> u64 {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut opened = fs::File::open(file).expect("the file is there");
    let mut head = [0; 8];
    while opened.read_exact(&mut head).is_ok() {
        let size = u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
        if head[4..] == *b"moov" {
            return size;
        }
        let skip = i64::try_from(size.max(8)).expect("a box fits") - 8;
        opened.seek(SeekFrom::Current(skip)).expect("a file can be sought in");
    }
    panic!("{} has no index", file.display())
}

/// A folder for a packed one.
fn folder(name: &str) -> PathBuf {
    let folder = media::folder().join(name);
    fs::create_dir_all(&folder).expect("a folder in the target folder");
    folder
}

/// The file of a name; made beside its place first, so that half of one is
/// never taken for a whole one.
fn made(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let file = media::folder().join(name);
    if !file.is_file() {
        let half = media::folder().join(format!("half-{name}"));
        make(&half);
        fs::rename(&half, &file).expect("a file can be renamed in its folder");
    }
    file
}

fn run(how: &str, out: &Path) {
    eprintln!("  making {}", out.display());
    let line = format!("-hide_banner -nostdin -v error -y {how}");
    let args = line.split_whitespace().map(str::to_owned).chain([out.display().to_string()]);
    tool::run_fed("ffmpeg", args, |_stdin| Ok(()), DEADLINE)
        .unwrap_or_else(|error| panic!("{error}"));
}
