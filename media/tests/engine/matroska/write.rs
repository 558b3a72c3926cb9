//! What is written plays as what it was made of.

use std::path::{Path, PathBuf};
use std::process::Command;

use clipmill_core::Timescale;
use clipmill_media::mux::{OutSample, OutTrack, SampleData};
use clipmill_media::{LocalFile, Media, Track, TrackKind, matroska};

use super::inputs::{self, run};
use super::judge::{frames, packets, probe};

/// A track's samples from `start` to `end`, both in seconds; `zero` is the new
/// file's beginning.
fn part(track: &Track, zero: f64, start: f64, end: f64) -> OutTrack {
    let within = |pts: i64| (start..end).contains(&track.seconds(pts));
    let chosen: Vec<_> = track.samples.iter().filter(|sample| within(sample.pts)).collect();
    let first = chosen[0].pts;
    let sample = |sample: &&clipmill_media::Sample| OutSample {
        data: SampleData::Copied { file: 0, offset: sample.offset, size: sample.size },
        pts: sample.pts - first,
        duration: sample.duration,
        sync: sample.sync,
    };
    let start = first - (zero * f64::from(track.timescale.get())).round() as i64;
    OutTrack { track: track.clone(), start, samples: chosen.iter().map(sample).collect() }
}

async fn media(path: &Path) -> Media {
    let mut media = matroska::read(&LocalFile::open(path).unwrap()).await.unwrap();
    for track in &mut media.tracks {
        matroska::snap_to_grid(track);
    }
    media
}

fn write(path: &Path, tracks: &[OutTrack], folder: &Path) -> PathBuf {
    let source = std::fs::File::open(path).unwrap();
    let name =
        folder.join(if path.extension().unwrap() == "mkv" { "made.mkv" } else { "made.webm" });
    let mut made = std::fs::File::create(&name).unwrap();
    matroska::write(&mut made, tracks, &[&source]).unwrap();
    name
}

/// The decoded sound, 48 kHz and one channel.
fn waves(path: &Path) -> Vec<f32> {
    let path = path.to_str().unwrap();
    let arguments = ["-v", "error", "-i", path, "-map", "0:a", "-f", "f32le", "-"];
    let output = Command::new("ffmpeg").args(arguments).output().unwrap();
    let waves = output.stdout.as_chunks::<4>().0;
    waves.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// A whole file, written anew.
pub async fn anew(path: &Path, folder: &Path) -> PathBuf {
    let media = media(path).await;
    let tracks: Vec<_> = media.tracks.iter().map(|track| part(track, 0.0, -1.0, 99.0)).collect();
    write(path, &tracks, folder)
}

/// The hashes of frames and sounds, in order.
fn hashes(path: &Path, stream: &str) -> Vec<String> {
    frames(path, stream, &[]).into_values().collect()
}

#[tokio::test]
async fn whole_files_come_out_as_they_went_in() {
    for path in [inputs::vp9(), inputs::av1(), inputs::avc(), inputs::sound()] {
        let folder = tempfile::tempdir().unwrap();
        let media = media(path).await;
        let tracks: Vec<_> =
            media.tracks.iter().map(|track| part(track, 0.0, -1.0, 99.0)).collect();
        let made = write(path, &tracks, folder.path());
        let mut source: Vec<_> =
            packets(path).into_iter().map(|p| (p.stream, p.pts, p.size, p.key)).collect();
        let mut got: Vec<_> =
            packets(&made).into_iter().map(|p| (p.stream, p.pts, p.size, p.key)).collect();
        source.sort_unstable();
        got.sort_unstable();
        assert_eq!(source.len(), got.len(), "{path:?}");
        for (source, got) in source.iter().zip(&got) {
            assert_eq!((source.0, source.2, source.3), (got.0, got.2, got.3), "{path:?}");
            // Times that ffmpeg cut off are rounded here.
            assert!((source.1 - got.1).abs() <= 1, "{path:?} {source:?} {got:?}");
        }
        for (stream, track) in media.tracks.iter().enumerate() {
            let stream = format!("0:{stream}");
            let (mut source, mut got) = (hashes(path, &stream), hashes(&made, &stream));
            if track.kind == TrackKind::Audio {
                // How much of the last packet is heard is not told.
                source.pop();
                got.pop();
            }
            assert_eq!(source, got, "{path:?}");
        }
        // Read once more it is the same.
        let again = matroska::read(&LocalFile::open(&made).unwrap()).await.unwrap();
        for (mut again, track) in again.tracks.into_iter().zip(&media.tracks) {
            matroska::snap_to_grid(&mut again);
            assert_eq!(again.timescale, track.timescale);
            let most = i64::from(track.timescale.get()) / 1000;
            for (again, sample) in again.samples.iter().zip(&track.samples) {
                assert!((again.pts - sample.pts).abs() <= most, "{path:?} {again:?} {sample:?}");
            }
        }
    }
}

#[tokio::test]
async fn parts_begin_at_zero_and_can_be_sought_in() {
    for (path, rate) in [(inputs::vp9(), "30000/1001"), (inputs::av1(), "24/1")] {
        let folder = tempfile::tempdir().unwrap();
        let media = media(path).await;
        let picture = media.video_track().unwrap();
        let keys: Vec<_> = picture.samples.iter().filter(|sample| sample.sync).collect();
        let zero = picture.seconds(keys[1].pts);
        // Sound from before the picture, of which the beginning is skipped.
        let tracks: Vec<_> = media
            .tracks
            .iter()
            .map(|track| {
                let before = if track.kind == TrackKind::Audio { 0.09 } else { 0.0001 };
                part(track, zero, zero - before, zero + 5.0)
            })
            .collect();
        let made = write(path, &tracks, folder.path());
        let got = packets(&made);
        let first = |stream| got.iter().find(|packet| packet.stream == stream).unwrap().pts;
        assert_eq!(first(0), 0, "{path:?}");
        let begins = tracks[1].track.seconds(tracks[1].start) * 1000.0;
        assert!((first(1) as f64 - begins).abs() < 1.0, "{path:?}: {} for {begins}", first(1));
        let source = frames(path, "0:0", &[]);
        let from = (zero * 1000.0) as i64 - 1;
        let wanted: Vec<_> = source.range(from..from + 5000).map(|frame| frame.1.clone()).collect();
        assert_eq!(hashes(&made, "0:0"), wanted, "{path:?}");

        // To the sample: what is skipped is exactly what is before the picture.
        let sound = tracks.iter().find(|out| out.track.kind == TrackKind::Audio).unwrap();
        let skipped = (zero * 48_000.0).round() as usize;
        let (whole, cut) = (waves(path), waves(&made));
        assert!(sound.start < 0 && sound.track.timescale.get() == 48_000);
        let settled = 9600..48_000;
        let whole = &whole[skipped + settled.start..skipped + settled.end];
        assert!(whole.iter().any(|wave| wave.abs() > 0.01), "{path:?}");
        // A decoder that begins elsewhere comes near, never quite there; one
        // sample off would be several times as much.
        let off = cut[settled].iter().zip(whole).map(|(cut, whole)| (cut - whole).abs());
        assert!(off.fold(0.0, f32::max) < 0.002, "{path:?}");

        assert_eq!(probe(&made, "stream=r_frame_rate")[0], rate);
        let duration: f64 = probe(&made, "format=duration")[0].parse().unwrap();
        assert!((duration - 5.0).abs() < 0.045, "{path:?} {duration}");
        // A seek lands on the keyframe before, by the index in front.
        let path = made.to_str().unwrap();
        let sought = run(
            "ffprobe",
            &[
                "-v",
                "error",
                "-read_intervals",
                "3%+#1",
                "-select_streams",
                "v",
                "-show_entries",
                "packet=pts_time,flags",
                "-of",
                "csv=p=0",
                path,
            ],
        );
        let time: f64 = sought.split(',').next().unwrap().parse().unwrap();
        assert!(sought.contains('K') && (1.9..2.1).contains(&time), "{sought}");
    }
}

#[tokio::test]
async fn our_own_files_can_be_located_in() {
    let folder = tempfile::tempdir().unwrap();
    let media = media(inputs::vp9()).await;
    let tracks: Vec<_> = media.tracks.iter().map(|track| part(track, 0.0, -1.0, 99.0)).collect();
    let made = write(inputs::vp9(), &tracks, folder.path());
    let bytes = bytes::Bytes::from(std::fs::read(&made).unwrap());
    let want = clipmill_media::SpanSelection { start: 9.0, end: 9.5, video: true, audio: true };
    let located = matroska::locate(&bytes, &want).await.unwrap();
    let length: u64 = located.parts.iter().map(clipmill_media::ClipPart::length).sum();
    assert!(length * 9 < bytes.len() as u64, "{length} of {}", bytes.len());
}

#[test]
fn what_cannot_be_written_is_refused() {
    let mut out = Vec::new();
    assert!(matroska::write(&mut out, &[], &[]).is_err());
    assert!(out.is_empty());
}

#[tokio::test]
async fn what_is_said_of_a_track_is_read_again() {
    const ONE: i32 = 0x1_0000;
    let (wide, high) = (320 * ONE, 180 * ONE);
    let turns = [
        [0, ONE, 0, -ONE, 0, 0, high, 0, 0x4000_0000],
        [-ONE, 0, 0, 0, -ONE, 0, wide, high, 0x4000_0000],
        [0, -ONE, 0, ONE, 0, 0, 0, wide, 0x4000_0000],
    ];
    let folder = tempfile::tempdir().unwrap();
    let media = media(inputs::vp9()).await;
    for matrix in turns {
        let mut tracks: Vec<_> =
            media.tracks.iter().map(|track| part(track, 0.0, -1.0, 3.0)).collect();
        tracks[0].track.matrix = matrix;
        tracks[0].track.pixel_aspect = (3, 2);
        tracks[0].track.language = *b"und";
        tracks[1].track.language = *b"ger";
        let made = write(inputs::vp9(), &tracks, folder.path());
        let again = matroska::read(&LocalFile::open(&made).unwrap()).await.unwrap();
        for (again, out) in again.tracks.iter().zip(&tracks) {
            let said = |track: &Track| Track {
                samples: Vec::new(),
                timescale: Timescale::MICROS,
                ..track.clone()
            };
            assert_eq!(said(again), said(&out.track));
        }
        assert!(probe(&made, "stream=sample_aspect_ratio")[0].starts_with("3:2"));
    }
}
