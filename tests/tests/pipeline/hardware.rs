//! Encodes by hardware, played by a program that calls itself ffmpeg: what it
//! is asked to encode with `h264_nvenc` it encodes in software, or fails at.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clipmill::config::Config;
use clipmill_core::Error;
use clipmill_core::probe::Probe;
use clipmill_pipeline::ffmpeg::Tools;
use clipmill_pipeline::settings::HardwareChoice;
use clipmill_plugins::builtin::codecs::H264;
use clipmill_plugins::{Codec, CodecDescription, Encoders, Plan};
use clipmill_tests::media::{self, Clip, read_frames};

use super::bench::{Bench, assert_exact, clip, encode, local};

/// Does what the file `mode` beside it says, and writes a line for each call.
const CARD: &str = r#"#!/bin/sh
own=${0%/*}
case " $* " in
*" -encoders "*) ffmpeg "$@"; echo " V....D h264_nvenc made up"; exit ;;
*" h264_nvenc "*) ;;
*) exec ffmpeg "$@" ;;
esac
what=job
for word; do [ "$word" = file:/dev/zero ] && what=trial; done
echo $what >> "$own/calls"
mode=$(cat "$own/mode")
if [ $mode = absent ]; then echo "Cannot load libcuda.so.1" >&2; exit 1; fi
if [ $mode = busy ] && [ $what = job ]; then
  echo "[h264_nvenc @ 0x1] OpenEncodeSessionEx failed: out of memory (10): (no details)" >&2
  exit 1
fi
left=$#
while [ $left -gt 0 ]; do
  word=$1; shift; left=$((left - 1))
  case "$word" in
  h264_nvenc) word=libx264 ;;
  p5|p3) word=ultrafast ;;
  -tune|-rc|-cq|-b:v) shift; left=$((left - 1)); continue ;;
  esac
  # What comes last is the name of the file.
  if [ $left = 0 ] && [ $what = job ]; then
    case $mode in midway|short) set -- "$@" -frames:v 20 ;; esac
  fi
  set -- "$@" "$word"
done
[ $mode = midway ] && [ $what = job ] && { ffmpeg "$@"; exit 1; }
exec ffmpeg "$@"
"#;

/// The folder of a card.
struct Card(tempfile::TempDir);

impl Card {
    fn new(mode: &str) -> Card {
        use std::os::unix::fs::PermissionsExt;
        let card = Card(tempfile::tempdir().unwrap());
        std::fs::write(card.program(), CARD).unwrap();
        let mode_bits = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(card.program(), mode_bits).unwrap();
        card.turns(mode);
        card
    }

    fn program(&self) -> PathBuf {
        self.0.path().join("ffmpeg")
    }

    fn turns(&self, mode: &str) {
        std::fs::write(self.0.path().join("mode"), mode).unwrap();
    }

    /// How often it was asked for a `trial` or a `job`.
    fn calls(&self, what: &str) -> usize {
        let calls = std::fs::read_to_string(self.0.path().join("calls")).unwrap_or_default();
        calls.lines().filter(|line| *line == what).count()
    }

    fn set(&self, config: &mut Config) {
        config.tools.ffmpeg = Some(self.program());
        config.encode.hardware = HardwareChoice::Nvenc;
    }

    async fn bench(&self) -> Bench {
        Bench::with(|config| self.set(config)).await
    }
}

fn small() -> Clip {
    Clip { frames: 60, ..Clip::new(320, 180, 2) }
}

fn assert_whole(path: &Path, of: &Clip) {
    let numbers: Vec<u32> = read_frames(path).unwrap().iter().map(|frame| frame.number).collect();
    assert_eq!(numbers, of.frames_between(0.0, of.seconds()));
}

#[tokio::test]
async fn hardware_that_works_is_used_for_lossy_qualities_of_our_own_codecs() {
    let card = Card::new("works");
    let bench = card.bench().await;
    let of = small();
    for _ in 0..2 {
        let made = bench.make(local(of.file(), None), encode("h264", "medium")).await.unwrap();
        assert_whole(&made.path, &of);
    }
    assert_eq!((card.calls("trial"), card.calls("job")), (1, 2));
    let other = |codec: &'static str, quality| encode(codec, quality);
    for rendition in [other("h264", "lossless"), other("h265", "medium")] {
        bench.make(local(of.file(), None), rendition).await.unwrap();
    }
    assert_eq!(card.calls("job"), 2, "neither what is lossless nor what the card does not have");
    let off = Bench::with(|config| {
        card.set(config);
        config.encode.hardware = HardwareChoice::Off;
    })
    .await;
    off.make(local(of.file(), None), encode("h264", "medium")).await.unwrap();
    assert_eq!((card.calls("trial"), card.calls("job")), (1, 2));
}

/// A plugin that plans as our own codec does.
struct Foreign;

#[async_trait::async_trait]
impl Codec for Foreign {
    fn describe(&self) -> CodecDescription {
        H264.describe()
    }

    async fn plan(&self, probe: &Probe, quality: &str, have: &Encoders) -> Result<Plan, Error> {
        H264.plan(probe, quality, have).await
    }
}

#[tokio::test]
async fn what_a_plugin_plans_is_made_as_it_plans_it() {
    let card = Card::new("works");
    let bench = Bench::with_codecs(vec![Arc::new(Foreign)], |config| card.set(config)).await;
    bench.make(local(small().file(), None), encode("h264", "medium")).await.unwrap();
    assert_eq!((card.calls("trial"), card.calls("job")), (0, 0));
}

#[tokio::test]
async fn clips_are_cut_exactly_by_hardware_too() {
    let card = Card::new("works");
    let bench = card.bench().await;
    let (of, span) = (media::webm(), (11.7, 13.4));
    let made = bench.make(local(of.file(), Some(span)), clip("mp4")).await.unwrap();
    assert_exact(&made.path, &of, &of.frames_between(span.0, span.1), 1e-3);
    assert_eq!(card.calls("job"), 1);
    card.turns("short");
    let made = bench.make(local(of.file(), Some(span)), clip("mp4")).await.unwrap();
    assert_exact(&made.path, &of, &of.frames_between(span.0, span.1), 1e-3);
    let note = made.note.unwrap();
    assert!(note.starts_with("h264_nvenc failed: ") && note.contains("libx264"), "{note}");
}

#[tokio::test]
async fn a_card_that_is_not_there_is_told_and_never_asked() {
    let card = Card::new("absent");
    let mut config = Config::default();
    card.set(&mut config);
    let tools = Tools::discover(&config.tool_paths(), &config.encode).await.unwrap();
    let hardware = &tools.abilities().await.unwrap().hardware;
    let seen = hardware.try_all().await;
    let nvenc = seen.iter().find(|(name, _)| *name == "h264_nvenc").unwrap();
    assert_eq!(nvenc.1, Err("NVIDIA's driver is not installed".to_owned()));
    let (bench, of) = (card.bench().await, small());
    for _ in 0..2 {
        let made = bench.make(local(of.file(), None), encode("h264", "medium")).await.unwrap();
        assert_whole(&made.path, &of);
        assert!(made.note.is_none_or(|note| !note.contains("nvenc")));
    }
    assert_eq!((card.calls("trial"), card.calls("job")), (2, 0), "once for each of the two");
}

#[tokio::test]
async fn a_job_whose_hardware_fails_goes_on_in_software_and_says_why() {
    let card = Card::new("works");
    let bench = card.bench().await;
    let of = small();
    let make = || bench.make(local(of.file(), None), encode("h264", "medium"));
    make().await.unwrap();
    for (mode, why) in [
        ("busy", "the card opens no more sessions"),
        ("midway", "ffmpeg could not encode with it"),
        ("short", "it lost a part of the video"),
    ] {
        card.turns(mode);
        let made = make().await.unwrap();
        assert_whole(&made.path, &of);
        let note = made.note.unwrap();
        let wanted = format!("h264_nvenc failed: {why}; encoded by libx264 instead");
        assert!(note.starts_with(&wanted), "{note}");
    }
    // Three in a row are enough.
    card.turns("works");
    make().await.unwrap();
    assert_eq!((card.calls("trial"), card.calls("job")), (1, 4));
}
