//! What a guest is told of a file.

use clipmill_core::probe::{self as media, Container};

use super::super::bindings::types;

/// A probe as guests see it.
pub(crate) fn probe(probe: &media::Probe) -> types::Probe {
    types::Probe {
        container: match probe.container {
            Container::Mp4 => types::Container::Mp4,
            Container::Webm => types::Container::Webm,
            Container::Mkv => types::Container::Mkv,
            Container::Ts => types::Container::Ts,
            Container::Other => types::Container::Other,
        },
        duration: probe.duration,
        size: probe.size,
        video: probe.video.as_ref().map(|video| types::VideoStream {
            codec: video.codec.clone(),
            width: video.width,
            height: video.height,
            pixel_format: video.pixel_format.clone(),
            frame_rate: video.average_rate.and_then(rational),
            rotation: video.rotation,
        }),
        audio: probe
            .audio
            .iter()
            .map(|audio| types::AudioStream {
                codec: audio.codec.clone(),
                sample_rate: audio.sample_rate,
                channels: audio.channels,
            })
            .collect(),
    }
}

/// A fraction in 32 bits, if it is one there.
pub(super) fn rational(rate: media::Rational) -> Option<types::Rational> {
    let (num, den) = (u32::try_from(rate.num).ok()?, u32::try_from(rate.den).ok()?);
    (den > 0).then_some(types::Rational { num, den })
}
