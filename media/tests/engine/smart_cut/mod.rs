//! Exact cuts of real streams: every frame of the result is decoded and
//! compared with the part that it comes from.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cases;
mod hostile;
mod source;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use clipmill_media::mux::{OutTrack, SampleData};
use clipmill_media::smart_cut::{CutEnd, FileTrack, SmartCut, join, prepare};
use clipmill_media::{CodecId, LocalFile, ReadAt, Track};

use self::source::{Source, ffmpeg, hashes};

/// What a cut came to.
struct Made {
    head: usize,
    body: usize,
    tail: usize,
    track: OutTrack,
}

fn file_track<'a>(file: &'a dyn ReadAt, track: &'a Track) -> FileTrack<'a> {
    FileTrack { file, track }
}

/// Cuts the frames `from..to` (counted as they are shown) and judges them.
async fn cut(source: &Source, from: usize, to: usize) -> Made {
    let file = LocalFile::open(&source.bytes).unwrap();
    let times = source.times();
    let end = times.get(to).copied().unwrap_or(i64::MAX);
    let cut = prepare(&file, &source.track, times[from], end).await.unwrap();
    let head = encode(source, &cut, CutEnd::Head).await;
    let tail = encode(source, &cut, CutEnd::Tail).await;
    let open = |part: &Option<Source>| part.as_ref().map(|it| LocalFile::open(&it.path).unwrap());
    let (head_file, tail_file) = (open(&head), open(&tail));
    let piece = |file: &'_ Option<LocalFile>, part: &'_ Option<Source>| {
        file.clone().zip(part.as_ref().map(|part| part.track.clone()))
    };
    let (head_piece, tail_piece) = (piece(&head_file, &head), piece(&tail_file, &tail));
    let track = join(
        &cut,
        file_track(&file, &source.track),
        head_piece.as_ref().map(|(file, track)| file_track(file, track)),
        tail_piece.as_ref().map(|(file, track)| file_track(file, track)),
    )
    .await
    .unwrap();

    let mut files = vec![file.file()];
    files.push(head_file.as_ref().map_or(file.file(), LocalFile::file));
    files.push(tail_file.as_ref().map_or(file.file(), LocalFile::file));
    // MP4 can't hold VP8.
    let webm = track.track.codec == CodecId::Vp8;
    let path = source.beside(&format!("cut-{from}-{to}.{}", if webm { "webm" } else { "mp4" }));
    let mut out = File::create(&path).unwrap();
    let tracks = std::slice::from_ref(&track);
    match webm {
        true => clipmill_media::matroska::write(&mut out, tracks, &files).unwrap(),
        false => clipmill_media::mp4::write(&mut out, tracks, &files).unwrap(),
    }
    out.flush().unwrap();
    judge(source, &path, (from, to), &cut, &head, &tail);
    let (head, body, tail) = (cut.plan.head.len(), cut.plan.body.len(), cut.plan.tail.len());
    Made { head, body, tail, track }
}

/// Each frame is that of its part, decoded alone; its time is the source's.
fn judge(
    source: &Source,
    path: &Path,
    (from, to): (usize, usize),
    cut: &SmartCut,
    head: &Option<Source>,
    tail: &Option<Source>,
) {
    let alone = |part: &Option<Source>| part.as_ref().map_or(vec![], |part| hashes(&part.path));
    let frames = hashes(&source.path);
    let until = to.min(frames.len());
    let body = from + cut.plan.head.len()..until - cut.plan.tail.len();
    let expected = [&alone(head)[..], &frames[body], &alone(tail)].concat();
    assert_eq!(hashes(path), expected, "{from}..{to} of {}", source.path.display());
    let times = source.times();
    let own: Vec<i64> = times[from..until].iter().map(|time| time - times[from]).collect();
    if source.track.codec != CodecId::Vp8 {
        assert_eq!(Source::read(path).times(), own, "times of {from}..{to}");
    }
}

/// Encodes a part as the cut demands; none when it has no frames.
async fn encode(source: &Source, cut: &SmartCut, end: CutEnd) -> Option<Source> {
    let (frames, name) = match end {
        CutEnd::Head => (&cut.plan.head, "head"),
        CutEnd::Tail => (&cut.plan.tail, "tail"),
    };
    let webm = source.track.codec == CodecId::Vp8;
    let first = source.track.samples[*frames.first()?];
    let before = source.track.seconds(first.pts) - 0.005;
    let path: PathBuf = source.beside(&format!("{name}.{}", if webm { "webm" } else { "mp4" }));
    let mut command =
        vec!["-ss".to_owned(), format!("{:.6}", before.max(0.0)), "-noautorotate".into()];
    let mut add = |words: &[&str]| command.extend(words.iter().map(|word| (*word).to_owned()));
    add(&["-i", source.path.to_str().unwrap(), "-map", "0:v:0", "-fps_mode", "passthrough"]);
    add(&["-frames:v", &frames.len().to_string(), "-g", "9999", "-c:v", cut.constraints.encoder]);
    if let Some(profile) = cut.constraints.profile {
        add(&["-profile:v", profile, "-preset", "veryfast", "-bf", "2"]);
    }
    if let Some(params) = &cut.constraints.params {
        let quiet = if source.track.codec == CodecId::Hevc { ":log-level=error" } else { "" };
        add(&[&format!("-{}", params.option), &format!("{}{quiet}", params.value(end))]);
    }
    add(match cut.constraints.encoder {
        "libvpx" | "libvpx-vp9" => {
            &["-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0"]
        }
        "libsvtav1" => &["-preset", "12", "-svtav1-params", "pred-struct=1:lp=1"],
        _ => &[],
    });
    if source.interlaced {
        add(&["-flags", "+ilme+ildct"]);
    }
    add(&["-video_track_timescale", &source.track.timescale.get().to_string()]);
    add(&[path.to_str().unwrap()]);
    ffmpeg(&command);
    Some(if webm { Source::read_matroska(&path).await } else { Source::read(&path) })
}

/// How many samples are no plain copies.
fn rewritten(track: &OutTrack) -> usize {
    track.samples.iter().filter(|sample| matches!(sample.data, SampleData::Generated(_))).count()
}
