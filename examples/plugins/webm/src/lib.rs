//! WebM with VP9 and Opus, encoded by the machine's ffmpeg.
//!
//! `lossless` keeps every value of the source's pixels. `high` and `medium`
//! have the 4:2:0 colours that every player takes, with up to 10 bits.

mod pixels;

use clipmill_plugin::{
    AudioEncoder, AudioPlan, Codec, CodecDescription, CodecError, Container, EncodePlan, Probe,
    Rate, VideoEncoder, VideoPlan,
};

const QUALITIES: [(&str, Rate); 3] =
    [("lossless", Rate::Lossless), ("high", Rate::Crf(24)), ("medium", Rate::Crf(33))];

/// The usual trade of time for size: slower gains little.
const SPEED: u8 = 4;

/// Players can seek to keyframes only.
const KEYFRAME_INTERVAL: u32 = 240;

struct WebM;

impl Codec for WebM {
    fn describe() -> CodecDescription {
        CodecDescription {
            name: "webm".into(),
            qualities: QUALITIES.iter().map(|(name, _)| (*name).into()).collect(),
            container: Container::Webm,
            mime: "video/webm".into(),
            extension: "webm".into(),
        }
    }

    fn plan(probe: &Probe, quality: &str, encoders: &[String]) -> Result<EncodePlan, CodecError> {
        let Some((_, rate)) = QUALITIES.iter().find(|(name, _)| *name == quality) else {
            let names = QUALITIES.map(|(name, _)| name).join(", ");
            return Err(CodecError::UnknownQuality(format!("the qualities are {names}")));
        };
        let Some(video) = &probe.video else {
            return Err(CodecError::NoVideo("the file has no video stream".into()));
        };
        let format = match rate {
            Rate::Lossless => pixels::lossless(&video.pixel_format).ok_or_else(|| {
                CodecError::NotEncodable(format!(
                    "VP9 can't hold pictures in {:?} without loss; take another quality",
                    video.pixel_format
                ))
            })?,
            Rate::Crf(_) => pixels::usual(&video.pixel_format),
        };
        need("libvpx-vp9", encoders)?;
        if !probe.audio.is_empty() {
            need("libopus", encoders)?;
        }
        Ok(EncodePlan {
            container: Container::Webm,
            video: VideoPlan {
                encoder: VideoEncoder::Vp9(SPEED),
                rate: *rate,
                pixel_format: format.into(),
                // VP9 has pictures of any size.
                pad_to_even: false,
                keyframe_interval: Some(KEYFRAME_INTERVAL),
            },
            audio: AudioPlan {
                encoder: AudioEncoder::Opus,
                kilobits: if quality == "medium" { 128 } else { 192 },
            },
        })
    }
}

fn need(name: &str, encoders: &[String]) -> Result<(), CodecError> {
    if encoders.iter().any(|encoder| encoder == name) {
        return Ok(());
    }
    Err(CodecError::EncoderMissing(format!("this machine's ffmpeg has no encoder {name}")))
}

clipmill_plugin::export!(WebM);

#[cfg(test)]
mod tests {
    use clipmill_plugin::{AudioStream, VideoStream};

    use super::*;

    fn probe(pixel_format: &str) -> Probe {
        Probe {
            container: Container::Mkv,
            duration: None,
            size: 1,
            video: Some(VideoStream {
                codec: "ffv1".into(),
                width: 321,
                height: 241,
                pixel_format: pixel_format.into(),
                frame_rate: None,
                rotation: 0,
            }),
            audio: vec![AudioStream { codec: "aac".into(), sample_rate: 48_000, channels: 2 }],
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let have = ["libvpx-vp9".to_string(), "libopus".to_string()];
        let plan = |probe: &Probe, quality, have: &[String]| WebM::plan(probe, quality, have);
        let usual = probe("yuv420p");
        assert!(plan(&usual, "high", &have).is_ok());
        assert!(matches!(plan(&usual, "HIGH", &have), Err(CodecError::UnknownQuality(_))));
        assert!(matches!(plan(&usual, "high", &have[..1]), Err(CodecError::EncoderMissing(_))));
        assert!(matches!(plan(&usual, "high", &have[1..]), Err(CodecError::EncoderMissing(_))));
        let strange = probe("bayer_rggb8");
        assert!(matches!(plan(&strange, "lossless", &have), Err(CodecError::NotEncodable(_))));
        assert!(plan(&strange, "medium", &have).is_ok());
        let sound = Probe { video: None, ..probe("") };
        assert!(matches!(plan(&sound, "high", &have), Err(CodecError::NoVideo(_))));
        let silent = Probe { audio: Vec::new(), ..usual };
        assert!(plan(&silent, "lossless", &have[..1]).is_ok());
    }
}
