//! H.264 and AAC in MP4, encoded by the machine's ffmpeg.

use clipmill_plugin::{
    AudioEncoder, AudioPlan, Codec, CodecDescription, CodecError, Container, EncodePlan, Probe,
    Rate, VideoEncoder, VideoPlan,
};

/// Best first.
const QUALITIES: [(&str, Rate); 2] = [("high", Rate::Crf(18)), ("medium", Rate::Crf(26))];

struct Example;

impl Codec for Example {
    fn describe() -> CodecDescription {
        CodecDescription {
            name: "{{name}}".into(),
            qualities: QUALITIES.iter().map(|(name, _)| (*name).into()).collect(),
            container: Container::Mp4,
            mime: "video/mp4".into(),
            extension: "mp4".into(),
        }
    }

    fn plan(probe: &Probe, quality: &str, encoders: &[String]) -> Result<EncodePlan, CodecError> {
        let Some((_, rate)) = QUALITIES.iter().find(|(name, _)| *name == quality) else {
            return Err(CodecError::UnknownQuality("the qualities are high and medium".into()));
        };
        if probe.video.is_none() {
            return Err(CodecError::NoVideo("the file has no video stream".into()));
        }
        if !encoders.iter().any(|encoder| encoder == "libx264") {
            return Err(CodecError::EncoderMissing("this machine's ffmpeg has no libx264".into()));
        }
        Ok(EncodePlan {
            container: Container::Mp4,
            video: VideoPlan {
                // `medium` of ultrafast 0 to veryslow 8.
                encoder: VideoEncoder::X264(5),
                rate: *rate,
                pixel_format: "yuv420p".into(),
                pad_to_even: true,
                keyframe_interval: None,
            },
            audio: AudioPlan { encoder: AudioEncoder::Aac, kilobits: 160 },
        })
    }
}

clipmill_plugin::export!(Example);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_picture_is_refused() {
        let container = Container::Mp4;
        let sound = Probe { container, duration: None, size: 1, video: None, audio: Vec::new() };
        let have = ["libx264".to_string()];
        let refused = Example::plan(&sound, "high", &have);
        assert!(matches!(refused, Err(CodecError::NoVideo(_))));
        assert!(matches!(Example::plan(&sound, "?", &have), Err(CodecError::UnknownQuality(_))));
    }
}
