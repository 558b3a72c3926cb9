//! Uncompressed pictures in YUV4MPEG2, as many tools read them.

use clipmill_plugin::{
    CodecDescription, CodecError, Container, FrameCodec, FrameFormat, FramePlan, Probe, Rational,
    VideoFrame,
};

/// Frames per second of a file that doesn't tell.
const USUAL_RATE: Rational = Rational { num: 25, den: 1 };

/// The encoding of one file. What has to be remembered between two frames goes
/// here; this format needs nothing.
struct Example;

impl FrameCodec for Example {
    fn describe() -> CodecDescription {
        CodecDescription {
            name: "{{name}}".into(),
            qualities: vec!["lossless".into()],
            container: Container::Other,
            mime: "video/x-yuv4mpeg".into(),
            extension: "y4m".into(),
        }
    }

    fn plan(probe: &Probe, quality: &str) -> Result<FramePlan, CodecError> {
        if quality != "lossless" {
            return Err(CodecError::UnknownQuality("the only quality is lossless".into()));
        }
        let Some(video) = &probe.video else {
            return Err(CodecError::NoVideo("the file has no video stream".into()));
        };
        // Frames come as people see them.
        let (width, height) = match video.rotation {
            90 | 270 => (video.height, video.width),
            _ => (video.width, video.height),
        };
        Ok(FramePlan {
            width,
            height,
            pixel_format: FrameFormat::Yuv420p,
            frame_rate: video.frame_rate.unwrap_or(USUAL_RATE),
            audio: None,
        })
    }

    fn begin(stream: FramePlan, _: &str, out: &mut Vec<u8>) -> Result<Example, CodecError> {
        let FramePlan { width, height, frame_rate: Rational { num, den }, .. } = stream;
        let head = format!("YUV4MPEG2 W{width} H{height} F{num}:{den} Ip A1:1 C420jpeg\n");
        out.extend_from_slice(head.as_bytes());
        Ok(Example)
    }

    fn push_video(&mut self, frame: VideoFrame, out: &mut Vec<u8>) -> Result<(), CodecError> {
        out.extend_from_slice(b"FRAME\n");
        out.extend_from_slice(&frame.data);
        Ok(())
    }

    fn finish(self, _: &mut Vec<u8>) -> Result<(), CodecError> {
        Ok(())
    }
}

clipmill_plugin::export!(Example);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_out_as_it_went_in() {
        let stream = FramePlan {
            width: 2,
            height: 2,
            pixel_format: FrameFormat::Yuv420p,
            frame_rate: USUAL_RATE,
            audio: None,
        };
        let mut out = Vec::new();
        let mut file = Example::begin(stream, "lossless", &mut out).unwrap();
        let frame = VideoFrame { pts_us: 0, duration_us: 40_000, data: vec![1, 2, 3, 4, 5, 6] };
        file.push_video(frame, &mut out).unwrap();
        file.finish(&mut out).unwrap();
        assert!(out.starts_with(b"YUV4MPEG2 W2 H2 F25:1 "));
        assert!(out.ends_with(b"\nFRAME\n\x01\x02\x03\x04\x05\x06"));
    }
}
