//! The plan tables.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use clipmill_core::probe::Rational;
use clipmill_core::{Code, Error};

use super::*;
use crate::{Codec, Plan};

fn file(format: &str, width: u32, height: u32) -> Probe {
    Probe {
        container: Container::Mkv,
        format_name: "matroska,webm".into(),
        start: 0.0,
        first_timestamp: 0.0,
        duration: Some(1.0),
        size: 1,
        video: Some(VideoStream {
            index: 0,
            codec: "ffv1".into(),
            width,
            height,
            pixel_format: format.into(),
            average_rate: None,
            base_rate: None,
            time_base: Rational { num: 1, den: 1000 },
            rotation: 0,
            start: None,
            interlaced: false,
            color: [const { None }; 4],
        }),
        audio: Vec::new(),
    }
}

fn all() -> Encoders {
    ["libx264", "libx264rgb", "libx265", "libsvtav1", "libaom-av1", "libvpx-vp9"]
        .map(String::from)
        .into()
}

/// One line a plan: encoder, pixel format, rate, padding.
async fn line(codec: &dyn Codec, probe: &Probe, quality: &str) -> String {
    match codec.plan(probe, quality, &all()).await {
        Ok(Plan::Frames(plan)) => panic!("{plan:?}"),
        Ok(Plan::Ffmpeg(plan)) => {
            assert_eq!(plan.problem(), None);
            let video = plan.video;
            let rate = match video.rate {
                Rate::Lossless => "lossless".into(),
                Rate::Crf(crf) => format!("crf {crf}"),
            };
            let name = video.encoder.ffmpeg_name(&video.pixel_format);
            let pad = if video.pad_to_even { " pad" } else { "" };
            format!("{name} {} {rate}{pad}", video.pixel_format)
        }
        Err(error) => error.code.to_string(),
    }
}

#[tokio::test]
async fn lossless_keeps_every_value() {
    let rows = [
        // source, H.264, H.265, AV1, VP9
        ["yuv420p", "yuv420p", "yuv420p", "yuv420p", "yuv420p"],
        ["yuvj420p", "yuvj420p", "yuvj420p", "yuv420p", "yuv420p"],
        ["yuv420p10le", "yuv420p10le", "yuv420p10le", "yuv420p10le", "yuv420p10le"],
        ["p010le", "yuv420p10le", "yuv420p10le", "yuv420p10le", "yuv420p10le"],
        ["nv12", "nv12", "yuv420p", "yuv420p", "yuv420p"],
        ["yuyv422", "yuv422p", "yuv422p", "yuv422p", "yuv422p"],
        ["yuv422p10le", "yuv422p10le", "yuv422p10le", "yuv422p10le", "yuv422p10le"],
        ["yuv440p", "yuv444p", "yuv444p", "yuv444p", "yuv440p"],
        ["yuv411p", "yuv422p", "yuv422p", "yuv422p", "yuv422p"],
        ["yuv444p", "yuv444p", "yuv444p", "yuv444p", "yuv444p"],
        ["yuv420p9le", "yuv420p10le", "yuv420p10le", "yuv420p10le", "yuv420p10le"],
        ["yuv420p12le", "", "yuv420p12le", "yuv420p12le", "yuv420p12le"],
        ["yuva420p", "yuv420p", "yuv420p", "yuv420p", "yuv420p"],
        ["gray", "gray", "gray", "gray", "yuv420p"],
        ["gray10le", "gray10le", "gray10le", "gray10le", "yuv420p10le"],
        ["gbrp", "rgb24", "gbrp", "gbrp", "gbrp"],
        ["bgr0", "bgr0", "gbrp", "gbrp", "gbrp"],
        ["pal8", "rgb24", "gbrp", "gbrp", "gbrp"],
        ["gbrp10le", "", "gbrp10le", "gbrp10le", "gbrp10le"],
        ["yuv422p16le", "", "", "", ""],
        ["bayer_rggb8", "", "", "", ""],
    ];
    for [source, wanted @ ..] in rows {
        let probe = file(source, 64, 64);
        let codecs: [(&dyn Codec, &str); 4] = [
            (
                &H264,
                if wanted[0].contains("gb") || wanted[0].contains("bgr") {
                    "libx264rgb"
                } else {
                    "libx264"
                },
            ),
            (&H265, "libx265"),
            (&AV1, "libaom-av1"),
            (&VP9, "libvpx-vp9"),
        ];
        for ((codec, encoder), wanted) in codecs.into_iter().zip(wanted) {
            let wanted = match wanted {
                "" => "not_encodable".into(),
                format => format!("{encoder} {format} lossless"),
            };
            assert_eq!(line(codec, &probe, "lossless").await, wanted, "{source}");
        }
    }
}

#[tokio::test]
async fn lossy_plays_widest() {
    let rows = [
        ("yuv420p", "yuv420p", "yuv420p", "yuv420p"),
        ("yuvj444p", "yuvj420p", "yuvj420p", "yuv420p"),
        ("yuv422p10le", "yuv420p", "yuv420p10le", "yuv420p10le"),
        ("yuv420p12le", "yuv420p", "yuv420p10le", "yuv420p10le"),
        ("gbrp", "yuv420p", "yuv420p", "yuv420p"),
        ("bayer_rggb8", "yuv420p", "yuv420p", "yuv420p"),
    ];
    for (source, h264, h265, av1) in rows {
        let probe = file(source, 1920, 1080);
        assert_eq!(line(&H264, &probe, "high").await, format!("libx264 {h264} crf 18"));
        assert_eq!(line(&H264, &probe, "medium").await, format!("libx264 {h264} crf 23"));
        assert_eq!(line(&H265, &probe, "high").await, format!("libx265 {h265} crf 20"));
        assert_eq!(line(&H265, &probe, "medium").await, format!("libx265 {h265} crf 28"));
        assert_eq!(line(&AV1, &probe, "high").await, format!("libsvtav1 {av1} crf 23"));
        assert_eq!(line(&AV1, &probe, "medium").await, format!("libsvtav1 {av1} crf 30"));
    }
    let deep = file("yuv420p10le", 64, 64);
    assert_eq!(line(&VP9, &deep, "high").await, "libvpx-vp9 yuv420p10le crf 20");
}

#[tokio::test]
async fn odd_and_tiny_pictures() {
    for (width, height) in [(321, 240), (320, 241), (321, 241)] {
        let probe = file("yuv420p", width, height);
        assert_eq!(line(&H264, &probe, "high").await, "libx264 yuv420p crf 18 pad");
        assert_eq!(line(&H265, &probe, "lossless").await, "libx265 yuv420p lossless pad");
        assert_eq!(line(&AV1, &probe, "high").await, "libaom-av1 yuv420p crf 23");
        assert_eq!(line(&VP9, &probe, "high").await, "libvpx-vp9 yuv420p crf 20");
        let full = file("yuv444p", width, height);
        assert_eq!(line(&H264, &full, "lossless").await, "libx264 yuv444p lossless");
        let rgb = file("gbrp", width, height);
        assert_eq!(line(&H264, &rgb, "lossless").await, "libx264rgb rgb24 lossless");
    }
    assert_eq!(line(&AV1, &file("yuv420p", 62, 400), "high").await, "libaom-av1 yuv420p crf 23");
    assert_eq!(line(&H264, &file("yuv420p", 0, 0), "high").await, "not_encodable");
}

#[tokio::test]
async fn missing_encoders_are_told_or_replaced() {
    let probe = file("yuv420p", 320, 240);
    let only = |name: &str| Encoders::from([name.to_owned()]);
    let error = H265.plan(&probe, "high", &only("libx264")).await.unwrap_err();
    assert_eq!(error.code, Code::EncoderMissing);
    assert!(error.message.contains("libx265"));
    let encoder = async |have: &str, probe: &Probe, quality: &str| match AV1
        .plan(probe, quality, &only(have))
        .await?
    {
        Plan::Ffmpeg(plan) => Ok::<_, Error>((plan.video.encoder, plan.video.pad_to_even)),
        Plan::Frames(plan) => panic!("{plan:?}"),
    };
    let aom = VideoEncoder::Aom { cpu_used: 6 };
    let svt = VideoEncoder::SvtAv1 { preset: 8 };
    assert_eq!(encoder("libaom-av1", &probe, "high").await.unwrap(), (aom, false));
    let odd = file("yuv420p", 321, 240);
    assert_eq!(encoder("libsvtav1", &odd, "high").await.unwrap(), (svt, true));
    assert_eq!(
        encoder("libsvtav1", &probe, "lossless").await.unwrap_err().code,
        Code::EncoderMissing
    );
    let error = H264.plan(&file("gbrp", 64, 64), "lossless", &only("libx264")).await.unwrap_err();
    assert_eq!(error.code, Code::EncoderMissing);
}
