//! Codecs that encode by themselves get exactly the frames and the sound that
//! were asked for, and nothing of theirs is taken on trust.

use clipmill_core::Code;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clipmill_core::{Error, Retry};
use clipmill_pipeline::{Encoded, ProgressReporter};
use clipmill_tests::media::{self, Clip, Packaging, Rate, audio_clicks, read_frames, stream};

use super::bench::{Bench, encode, local};
use super::cuts::late_sound;
use super::raw::{PCM, Raw, Trouble};

/// Sound and picture may differ by this, seconds: less than anybody sees.
const SYNC: f64 = 0.012;

async fn made(
    raw: &Raw,
    file: impl AsRef<Path>,
    span: Option<(f64, f64)>,
) -> Result<(Bench, Encoded), Error> {
    let bench = Bench::with_codecs(vec![Arc::new(raw.clone())], |_| {}).await;
    let encoded = bench.make(local(file, span), encode("raw", "plain")).await?;
    Ok((bench, encoded))
}

fn numbers(path: &Path) -> Vec<u32> {
    read_frames(path).unwrap().iter().map(|frame| frame.number).collect()
}

/// The frames came at their times, which follow from their number alone.
fn assert_paced(raw: &Raw, count: usize, rate: Rate) {
    let seen = raw.seen.lock().unwrap();
    assert_eq!(seen.frames.len(), count);
    assert!(!seen.is_disordered);
    for (n, (pts, duration)) in (0_u64..).zip(&seen.frames) {
        let at = |n: u64| n * u64::from(rate.seconds) * 1_000_000 / u64::from(rate.frames);
        assert_eq!((*pts, *duration), (at(n), at(n + 1) - at(n)), "frame {n}");
    }
}

/// The clicks of what was pushed, by the seconds of the original.
fn clicks(raw: &Raw, bench: &Bench) -> Vec<(f64, u32)> {
    let seen = raw.seen.lock().unwrap();
    let all = seen.samples.len() as u32;
    let mut wav = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x02\0".to_vec();
    wav.extend(PCM.sample_rate.to_le_bytes());
    wav.extend((PCM.sample_rate * 4).to_le_bytes());
    wav.extend(b"\x04\0\x10\0data");
    wav.extend(all.to_le_bytes());
    wav.extend(&seen.samples);
    let path = bench.folder.path().join("sound.wav");
    std::fs::write(&path, wav).unwrap();
    audio_clicks(path).unwrap().iter().map(|click| (click.at, click.second)).collect()
}

async fn cut(of: &Clip, span: (f64, f64)) {
    let raw = Raw::new();
    let (bench, encoded) = made(&raw, of.file(), Some(span)).await.unwrap();
    assert_eq!(encoded.extension, "y4m");
    let wanted = of.frames_between(span.0, span.1);
    assert_eq!(numbers(&encoded.path), wanted, "{span:?} of {of:?}");
    assert_paced(&raw, wanted.len(), of.rate);
    // Sound from the first frame to the end of the span, to the sample.
    let first = of.rate.time_of(wanted[0]);
    let samples = raw.seen.lock().unwrap().samples.len() as f64 / 4.0;
    let expected = (span.1.min(of.seconds()) - first) * f64::from(PCM.sample_rate);
    // In WebM, time 0 is that of the sound, which begins before the picture.
    let slack = if of.packaging == Packaging::File("webm") { 0.02 } else { 0.001 };
    let slack = slack * f64::from(PCM.sample_rate);
    assert!((samples - expected).abs() <= slack, "{samples} samples of {expected}, {span:?}");
    let clicks = clicks(&raw, &bench);
    assert!(!clicks.is_empty(), "{span:?}");
    for (at, second) in clicks {
        let late = (at + first) % 16.0 - f64::from(second);
        assert!(late.abs() < SYNC, "the click of {second} is {late} s late in {span:?}");
    }
}

#[tokio::test]
async fn cuts_are_exact_at_every_rate() {
    cut(&media::main_clip(), (62.31, 64.77)).await;
    cut(&media::main_clip(), (0.0, 1.5)).await;
    cut(&media::ntsc(), (10.5105, 12.5125)).await;
    cut(&media::sixty(), (7.105, 9.0)).await;
    cut(&media::webm(), (11.7, 13.4)).await;
    cut(&media::hevc(), (8.4, 60.0)).await;
}

#[tokio::test]
async fn whole_files_keep_every_frame() {
    for (of, size) in [
        (media::silent(), (640, 360)),
        (media::odd_size(), (321, 241)),
        (media::rotated(), (360, 640)),
        (Clip { frames: 1, ..media::silent() }, (640, 360)),
        (media::fragmented(), (640, 360)),
    ] {
        let raw = Raw::new();
        let (_bench, encoded) = made(&raw, of.file(), None).await.unwrap();
        let wanted = of.frames_between(0.0, of.seconds());
        assert_eq!(numbers(&encoded.path), wanted, "{of:?}");
        assert_paced(&raw, wanted.len(), of.rate);
        let video = stream(&encoded.path, "video").unwrap();
        assert_eq!(
            (video["width"].as_u64(), video["height"].as_u64()),
            (Some(size.0), Some(size.1))
        );
        assert_eq!(raw.seen.lock().unwrap().samples.is_empty(), of.audio.is_none(), "{of:?}");
    }
    for (extension, of) in media::uploads() {
        let raw = Raw::wanting(320, 240, 30, 1);
        let (_bench, encoded) = made(&raw, of.file(), None).await.unwrap();
        assert_eq!(numbers(&encoded.path), of.frames_between(0.0, of.seconds()), "{extension}");
    }
}

#[tokio::test]
async fn other_rates_show_what_is_seen_at_each_time() {
    // What a viewer sees when a slot begins: the last frame of the source that is not later.
    let shown = |of: &Clip, from: u32, time: f64| {
        let is_shown = |n: &u32| of.has(*n) && of.rate.time_of(*n - from) <= time + 1e-6;
        (from..of.frames).rev().find(is_shown).unwrap()
    };
    let variable = media::variable_rate();
    for (of, span, (num, den), count) in [
        (&media::silent(), (2.0, 4.0), (10, 1), 20),
        (&media::silent(), (2.0, 4.0), (60, 1), 120),
        (&media::sixty(), (3.0, 4.0), (30_000, 1001), 30),
        (&variable, (1.0, 3.0), (30, 1), 60),
        (&variable, (0.0, 10.0), (15, 1), 150),
    ] {
        let raw = Raw::wanting(320, 180, num, den);
        let (_bench, encoded) = made(&raw, of.file(), Some(span)).await.unwrap();
        let first = of.frames_between(span.0, span.1)[0];
        let time = |n: u32| f64::from(n) * den as f64 / num as f64;
        let wanted: Vec<u32> = (0..count).map(|n| shown(of, first, time(n))).collect();
        assert_eq!(numbers(&encoded.path), wanted, "{num}/{den} of {of:?}");
    }
}

#[tokio::test]
async fn sound_that_begins_late_stays_late() {
    let raw = Raw::new();
    let bench = Bench::with_codecs(vec![Arc::new(raw.clone())], |_| {}).await;
    let path = late_sound(&bench);
    for (span, first) in [(None, 0.0), (Some((2.2, 4.0)), 2.2)] {
        bench.make(local(&path, span), encode("raw", "plain")).await.unwrap();
        let clicks = clicks(&raw, &bench);
        let late = clicks.iter().map(|(at, second)| at + first - f64::from(*second));
        let late: Vec<f64> = late.collect();
        assert!(late.len() > 1 && late.iter().all(|off| (off - 0.5).abs() < SYNC), "{late:?}");
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_and_leaves_no_file() {
    let of = media::silent();
    let code = async |raw: Raw| {
        let bench = Bench::with_codecs(vec![Arc::new(raw)], |config| {
            config.clips.max_download_mb = 100;
        })
        .await;
        let refused = bench.make(local(of.file(), Some((1.0, 2.0))), encode("raw", "plain")).await;
        let left: Vec<_> = std::fs::read_dir(bench.folder.path())
            .unwrap()
            .flat_map(|entry| std::fs::read_dir(entry.unwrap().path()).unwrap())
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name.to_string_lossy().starts_with("encoded"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        refused.unwrap_err()
    };
    let error = code(Raw::troubled(Trouble::FailsAt(7))).await;
    assert_eq!((error.code, error.retry), (Code::CodecFailed, Retry::Later));
    assert_eq!(error.message, "this frame is too much");
    assert_eq!(code(Raw::troubled(Trouble::Floods)).await.code, Code::TooLarge);
    for trouble in [Trouble::Empty, Trouble::Garbage, Trouble::Forgets] {
        assert_eq!(code(Raw::troubled(trouble)).await.code, Code::EncodeFailed, "{trouble:?}");
    }
    assert_eq!(code(Raw { extension: "gif", ..Raw::new() }).await.code, Code::EncodeFailed);
    assert_eq!(code(Raw { extension: "../y4m", ..Raw::new() }).await.code, Code::PluginFailed);
    assert_eq!(code(Raw::wanting(8192, 8192, 30, 1)).await.code, Code::NotEncodable);
    assert_eq!(code(Raw::wanting(9000, 2, 30, 1)).await.code, Code::PluginFailed);
}

#[tokio::test]
async fn a_format_that_nothing_here_knows_is_taken_as_it_is() {
    let raw = Raw { extension: "own", trouble: Trouble::Garbage, ..Raw::new() };
    let of = media::silent();
    let (_bench, encoded) = made(&raw, of.file(), Some((1.0, 2.0))).await.unwrap();
    assert_eq!((encoded.extension.as_str(), encoded.probe.duration), ("own", Some(1.0)));
    assert_eq!(std::fs::read(&encoded.path).unwrap(), b"this is no video at all");
}

#[tokio::test]
async fn a_codec_that_is_gone_may_come_back() {
    let bench = Bench::new().await;
    let of = media::silent();
    let gone = bench.make(local(of.file(), None), encode("raw", "plain")).await.unwrap_err();
    assert_eq!((gone.code, gone.retry), (Code::UnknownCodec, Retry::Later));
}

/// Whether a process is at work for this folder.
fn is_worked_for(folder: &Path) -> bool {
    let name = folder.to_str().unwrap();
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(name)
    })
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_cancel_in_the_middle_leaves_no_child_and_no_file() {
    let raw = Raw::new();
    let bench = Bench::with_codecs(vec![Arc::new(raw.clone())], |_| {}).await;
    // A copy of its own, so that its name tells whose ffmpeg it is.
    let file = bench.folder.path().join("input.mp4");
    std::fs::copy(media::main_clip().file(), &file).unwrap();
    let ask = bench.ask(local(&file, None), encode("raw", "plain"));
    let (folder, progress) = (ask.folder.clone(), ProgressReporter::default());
    let fetched = bench.pipeline.fetch(ask, &progress).await.unwrap();
    let cut = bench.pipeline.trim(fetched).await.unwrap();
    tokio::select! {
        _ = bench.pipeline.transcode(cut, &progress) => panic!("it must not end before"),
        () = async {
            while raw.seen.lock().unwrap().frames.len() < 20 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert!(is_worked_for(bench.folder.path()));
        } => {}
    }
    assert!(!folder.join("encoded.y4m").exists());
    for _ in 0..100 {
        if !is_worked_for(bench.folder.path()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a child is still at work");
}
