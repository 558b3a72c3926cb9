//! What the cases are fed with.

use clipmill_core::probe::{AudioStream, Container, Probe, Rational, VideoStream};
use url::Url;

use crate::Encoders;

/// Unexpected addresses: other schemes, no host, strange hosts and
/// ports, credentials, endless and empty parts.
pub fn odd_urls() -> Vec<Url> {
    let long = format!("https://a.example/{}?{}", "x/".repeat(5000), "y=1&".repeat(5000));
    [
        "file:///etc/passwd",
        "data:text/plain,hello",
        "javascript:alert(1)",
        "mailto:a@b.example",
        "ftp://a.example/x",
        "about:blank",
        "http://127.0.0.1/",
        "http://[::1]:99/",
        "http://0x7f.1/",
        "https://user:password@a.example/",
        "https://a.example:65535/#fragment",
        "https://xn--bcher-kva.example/ü?ü#ü",
        "https://bücher.example/",
        "https://a.example/%00%ff%2e%2e/..;/",
        "https://www.youtube.com",
        "https://www.youtube.com/watch",
        "https://www.youtube.com/watch?v=",
        "https://www.youtube.com/watch?v=%F0%9F%98%80%F0%9F%98%80%F0",
        "https://youtu.be/",
        "https://youtu.be//////",
        "https://a.example./",
        long.as_str(),
    ]
    .into_iter()
    .filter_map(|text| Url::parse(text).ok())
    .collect()
}

/// Every encoder that the host can drive.
pub fn all_encoders() -> Encoders {
    ["libx264", "libx264rgb", "libx265", "libsvtav1", "libaom-av1", "libvpx-vp9", "aac", "libopus"]
        .map(String::from)
        .into()
}

/// Files of all kinds: 8 and 10 bits, odd and small sizes, no sound, RGB, gray.
pub fn probes() -> Vec<Probe> {
    let mut probes = Vec::new();
    for format in [
        "yuv420p",
        "yuvj420p",
        "yuv420p10le",
        "yuv422p10le",
        "yuv444p",
        "yuv420p12le",
        "gbrp",
        "bgr0",
        "pal8",
        "gray",
        "nv12",
        "bayer_rggb8",
        "",
    ] {
        for (width, height) in [(1920, 1080), (321, 241), (48, 32), (1080, 1920)] {
            for sounds in [1, 0, 3] {
                probes.push(probe(format, width, height, sounds));
            }
        }
    }
    probes
}

fn probe(format: &str, width: u32, height: u32, sounds: u32) -> Probe {
    let rate = Rational { num: 30_000, den: 1001 };
    Probe {
        container: Container::Mkv,
        format_name: "matroska,webm".into(),
        start: 0.0,
        first_timestamp: 0.0,
        duration: Some(10.0),
        size: 1_000_000,
        video: Some(VideoStream {
            index: 0,
            codec: "ffv1".into(),
            width,
            height,
            pixel_format: format.into(),
            average_rate: Some(rate),
            base_rate: Some(rate),
            time_base: Rational { num: 1, den: 1000 },
            rotation: 0,
            start: None,
            interlaced: false,
            color: [const { None }; 4],
        }),
        audio: (1..=sounds)
            .map(|index| AudioStream {
                index,
                codec: "aac".into(),
                sample_rate: 48_000,
                channels: 2,
                tag: "mp4a".into(),
            })
            .collect(),
    }
}
