//! The kinds of media, and where each is cut.
//!
//! All are 6 s of 320x180 with a keyframe each second: small, so that all of
//! them together are quick.

use clipmill_tests::media::{AudioCodec, Clip, Packaging, Rate, Structure, VideoCodec};

use super::position::ALL;
use super::position::Position::{
    self, AfterKey, BeforeKey, InsideGop, LastGop, OnKey, OneFrame, PastEnd, Whole,
};

/// One kind of media.
#[derive(Clone)]
pub struct Row {
    /// What it is called when something is wrong with it.
    pub name: &'static str,
    /// The media.
    pub clip: Clip,
    /// The format that is asked for.
    pub format: &'static str,
    /// Whether it comes from a server.
    pub remote: bool,
    /// Where it is cut.
    pub at: &'static [Position],
    /// Whether frames can be copied, and how many at the end can not, because
    /// they need one that comes after them.
    pub copied: Option<u32>,
}

impl Row {
    /// The same with open groups of pictures.
    fn opened(self) -> Row {
        let clip = Clip { structure: Structure::Open, ..self.clip };
        Row { clip, ..self }
    }

    /// How exact times are, in seconds: some containers round to milliseconds.
    pub fn tolerance(&self) -> f64 {
        let rounds = |extension: &str| matches!(extension, "webm" | "mkv");
        match self.clip.packaging {
            Packaging::File(extension) if rounds(extension) => 0.0011,
            _ if self.format == "webm" => 0.0011,
            _ => 2e-5,
        }
    }
}

/// All of them.
pub fn rows() -> Vec<Row> {
    [h264(), hevc(), others(), containers(), servers()].concat()
}

/// The usual one.
fn small() -> Clip {
    Clip { gop: 30, ..Clip::new(320, 180, 6) }
}

fn at_rate(rate: Rate) -> Clip {
    let gop = rate.frames.div_ceil(rate.seconds);
    Clip { rate, frames: 6 * gop, gop, ..small() }
}

fn local(
    name: &'static str,
    clip: Clip,
    format: &'static str,
    copied: Option<u32>,
    at: &'static [Position],
) -> Row {
    Row { name, clip, format, remote: false, at, copied }
}

fn h264() -> Vec<Row> {
    use Structure::{Baseline, Interlaced, Intra, Open, Pyramid};
    let h264 = |name, clip, copied, at| local(name, clip, "mp4", copied, at);
    let like = |structure| Clip { structure, ..small() };
    vec![
        h264("H.264", small(), Some(2), ALL),
        h264(
            "H.264 open GOP",
            like(Open),
            Some(5),
            &[OnKey, BeforeKey, AfterKey, LastGop, PastEnd],
        ),
        h264("H.264 pyramid", like(Pyramid), Some(8), &[BeforeKey, AfterKey, LastGop]),
        h264("H.264 no B", Clip { b_frames: 0, ..small() }, Some(0), &[BeforeKey, AfterKey]),
        h264("H.264 baseline", Clip { b_frames: 0, ..like(Baseline) }, Some(0), &[AfterKey]),
        h264("H.264 intra", Clip { b_frames: 0, gop: 1, ..like(Intra) }, Some(0), &[OnKey]),
        h264("H.264 interlaced", like(Interlaced), Some(2), &[BeforeKey, AfterKey]),
        h264("H.264 10 bit", Clip { ten_bit: true, ..small() }, Some(2), &[AfterKey]),
        h264("H.264 59.94", at_rate(Rate::NTSC_60), Some(2), &[BeforeKey, LastGop]),
        h264("H.264 29.97", at_rate(Rate::NTSC), Some(2), &[AfterKey]),
        h264("H.264 VFR", Clip { variable_rate: true, ..small() }, None, &[BeforeKey, LastGop]),
        h264(
            "H.264 rotated",
            Clip { rotated: true, width: 180, height: 320, ..small() },
            Some(2),
            &[AfterKey],
        ),
        h264("H.264 silent", Clip { audio: None, ..small() }, Some(2), &[AfterKey, PastEnd]),
        h264("two sounds", Clip { sounds: 2, ..small() }, Some(2), &[AfterKey]),
        h264(
            "AAC 44.1 kHz",
            Clip { sample_rate: 44_100, ..small() },
            Some(2),
            &[BeforeKey, AfterKey, LastGop],
        ),
    ]
}

fn hevc() -> Vec<Row> {
    let hevc = |name, clip, copied, at| local(name, clip, "best", copied, at);
    let like =
        |structure, ten_bit| Clip { video: Some(VideoCodec::Hevc), structure, ten_bit, ..small() };
    use Structure::{Closed, Open, Pyramid};
    vec![
        hevc(
            "HEVC",
            like(Closed, false),
            Some(3),
            &[OnKey, BeforeKey, AfterKey, LastGop, OneFrame, PastEnd],
        ),
        hevc(
            "HEVC open GOP",
            like(Open, false),
            Some(5),
            &[OnKey, BeforeKey, AfterKey, InsideGop, Whole],
        ),
        hevc("HEVC 10 bit", like(Closed, true), Some(3), &[BeforeKey]),
        hevc("HEVC 10 bit open GOP", like(Open, true), Some(5), &[AfterKey]),
        hevc("HEVC pyramid", like(Pyramid, false), Some(8), &[AfterKey]),
    ]
}

fn others() -> Vec<Row> {
    let webm = |video, structure| Clip {
        video: Some(video),
        audio: Some(AudioCodec::Opus),
        packaging: Packaging::File("webm"),
        structure,
        ..small()
    };
    use Structure::{Closed, Pyramid};
    use VideoCodec::{Av1, Vp9};
    let mp4 = Clip {
        audio: Some(AudioCodec::Aac),
        packaging: Packaging::File("mp4"),
        ..webm(Av1, Closed)
    };
    vec![
        local("VP9", webm(Vp9, Closed), "webm", Some(0), ALL),
        local(
            "VP9 hidden frames",
            webm(Vp9, Pyramid),
            "webm",
            Some(0),
            &[BeforeKey, AfterKey, LastGop],
        ),
        local("AV1", webm(Av1, Closed), "webm", Some(0), &[BeforeKey, AfterKey, LastGop, OneFrame]),
        local("AV1 in MP4", mp4, "best", Some(0), &[BeforeKey, LastGop]),
    ]
}

fn containers() -> Vec<Row> {
    let of = |name, packaging, at| local(name, Clip { packaging, ..small() }, "mp4", Some(2), at);
    vec![
        of("MOV", Packaging::File("mov"), &[AfterKey]),
        of("MKV", Packaging::File("mkv"), &[AfterKey, LastGop]),
        // It has no index.
        Row { copied: None, ..of("MPEG-TS", Packaging::File("ts"), &[AfterKey]) },
        of("late edit", Packaging::LateEdit, &[BeforeKey, Whole]),
        of("fragmented", Packaging::FragmentedMp4, &[AfterKey]),
    ]
}

fn servers() -> Vec<Row> {
    let served = |name, clip: Clip, format| Row {
        name,
        clip,
        format,
        remote: true,
        at: &[AfterKey, LastGop],
        copied: Some(2),
    };
    let of = |name, packaging| served(name, Clip { packaging, ..small() }, "mp4");
    // 8 s, so that there are two segments.
    let long = |name, packaging| served(name, Clip { packaging, frames: 240, ..small() }, "mp4");
    let open = Clip { video: Some(VideoCodec::Hevc), structure: Structure::Open, ..small() };
    let tree = Clip { audio: None, packaging: Packaging::FragmentedTree, ..small() };
    let webm = Clip {
        video: Some(VideoCodec::Vp9),
        audio: Some(AudioCodec::Opus),
        packaging: Packaging::File("webm"),
        ..small()
    };
    vec![
        of("served MP4", Packaging::File("mp4")),
        of("served MP4, index at end", Packaging::IndexAtEnd),
        of("served late edit", Packaging::LateEdit),
        of("served MOV", Packaging::File("mov")),
        of("served MKV", Packaging::File("mkv")),
        of("served fragments", Packaging::FragmentedMp4),
        of("served fragments, no index", Packaging::FragmentedWithoutIndex),
        Row { copied: Some(5), ..served("served HEVC open GOP", open, "best") },
        Row { copied: Some(5), ..of("served H.264 open GOP", Packaging::File("mp4")).opened() },
        Row {
            copied: Some(5),
            ..of("served MKV, H.264 open GOP", Packaging::File("mkv")).opened()
        },
        Row { copied: Some(5), ..long("HLS, H.264 open GOP", Packaging::HlsTs).opened() },
        served("served WebM", webm, "webm"),
        served("served fragments, tree", tree, "mp4"),
        long("HLS, MPEG-TS", Packaging::HlsTs),
        long("HLS, fragments", Packaging::HlsFmp4),
        long("HLS, byte ranges", Packaging::HlsRanges),
        long("DASH, template", Packaging::DashTemplate),
        long("DASH, list", Packaging::DashList),
        long("DASH, index", Packaging::DashBase),
    ]
}
