//! Whether what a codec says of itself and plans can be carried out. Nothing is
//! started or written before it was checked.

use clipmill_core::probe::{Container, VideoStream};
use clipmill_core::{Code, Error};
use clipmill_plugins::{
    AudioEncoder, CodecDescription, EncodePlan, Encoders, FramePlan, VideoEncoder,
};

/// The largest raw frame, bytes.
const LARGEST_FRAME: u64 = 64 << 20;
/// The largest number in a fraction, as ffmpeg takes it.
const LARGEST_NUMBER: u64 = i32::MAX as u64;
/// The longest extension of a file.
const LONGEST_EXTENSION: usize = 10;

/// Extensions of files that a click may run.
const EXECUTABLE_EXTENSIONS: &[&str] = &[
    "apk", "app", "bat", "cmd", "com", "cpl", "deb", "dll", "dmg", "exe", "hta", "htm", "html",
    "jar", "js", "jse", "lnk", "mht", "mhtml", "mjs", "msi", "msp", "php", "pif", "pkg", "ps1",
    "py", "reg", "rpm", "scr", "sh", "svg", "swf", "url", "vbe", "vbs", "wsf", "xht", "xhtml",
    "xml", "xsl",
];

/// Checks the name that a codec's files get.
///
/// # Errors
/// `plugin_failed`.
pub(crate) fn description(codec: &CodecDescription) -> Result<(), Error> {
    let is_plain = codec.extension.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if codec.extension.is_empty() || codec.extension.len() > LONGEST_EXTENSION || !is_plain {
        return Err(unusable("its files have no plain extension"));
    }
    if EXECUTABLE_EXTENSIONS.contains(&codec.extension.as_str()) {
        return Err(unusable(&format!("files called .{} are programs or pages", codec.extension)));
    }
    if Container::from_extension(&codec.extension) != codec.container {
        let why = format!("the extension .{} is not that of its container", codec.extension);
        return Err(unusable(&why));
    }
    Ok(())
}

/// Checks that a plan is for the container that the codec describes.
///
/// # Errors
/// `plugin_failed`.
pub(crate) fn container(plan: &EncodePlan, codec: &CodecDescription) -> Result<(), Error> {
    if plan.container != codec.container {
        return Err(unusable("its plan is for another container than it says"));
    }
    Ok(())
}

/// Checks that ffmpeg can do this with such video.
///
/// # Errors
/// `plugin_failed`, `encoder_missing`, or `not_encodable` when the frames are too
/// small.
pub(crate) fn ffmpeg(
    plan: &EncodePlan,
    source: &VideoStream,
    have: &Encoders,
) -> Result<(), Error> {
    if let Some(problem) = plan.problem() {
        return Err(unusable(&problem));
    }
    let video = &plan.video;
    let name = video.encoder.ffmpeg_name(&video.pixel_format);
    for name in [name, plan.audio.encoder.ffmpeg_name()] {
        if !have.contains(name) {
            let why = format!("this machine's ffmpeg has no encoder {name}");
            return Err(Error::never(Code::EncoderMissing, why));
        }
    }
    if !holds(plan) {
        return Err(unusable("its container can't hold what it plans"));
    }
    let (width, height) = (source.width, source.height);
    if width.min(height) < video.encoder.smallest_side() {
        let why = format!("{width}x{height} is too small for {name}");
        return Err(Error::never(Code::NotEncodable, why));
    }
    let is_odd = width % 2 == 1 || height % 2 == 1;
    if is_odd && !video.pad_to_even && !video.encoder.takes_odd_sizes(&video.pixel_format) {
        return Err(unusable(&format!(
            "{name} takes no {width}x{height} in {}",
            video.pixel_format
        )));
    }
    Ok(())
}

/// Checks that such frames can be handed over.
///
/// # Errors
/// `plugin_failed`, or `not_encodable` when they are too large.
pub(crate) fn frames(plan: &FramePlan) -> Result<(), Error> {
    if let Some(problem) = plan.problem() {
        return Err(unusable(&problem));
    }
    let rate = plan.frame_rate;
    if rate.num.max(rate.den) > LARGEST_NUMBER {
        return Err(unusable(&format!("{}/{} frames per second", rate.num, rate.den)));
    }
    if plan.frame_bytes() > LARGEST_FRAME {
        let why = format!("frames of {}x{} are too large", plan.width, plan.height);
        return Err(Error::never(Code::NotEncodable, why));
    }
    Ok(())
}

/// Whether this container can hold these streams.
fn holds(plan: &EncodePlan) -> bool {
    use VideoEncoder::{Aom, SvtAv1, Vp9, X264, X265};
    match plan.container {
        Container::Mp4 | Container::Mkv => true,
        Container::Webm => {
            matches!(plan.video.encoder, Vp9 { .. } | SvtAv1 { .. } | Aom { .. })
                && plan.audio.encoder == AudioEncoder::Opus
        }
        Container::Ts => matches!(plan.video.encoder, X264 { .. } | X265 { .. }),
        Container::Other => false,
    }
}

/// The error for a codec that can't be used.
fn unusable(what: &str) -> Error {
    Error::never(Code::PluginFailed, format!("the codec can't be used: {what}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use clipmill_core::probe::Rational;
    use clipmill_plugins::{AudioPlan, FrameFormat, Rate, VideoPlan};

    use super::*;

    fn describing(container: Container, extension: &str) -> CodecDescription {
        CodecDescription {
            name: "x".into(),
            qualities: vec!["high".into()],
            container,
            mime: "video/x".into(),
            extension: extension.into(),
            offered: true,
        }
    }

    fn plan() -> EncodePlan {
        EncodePlan {
            container: Container::Webm,
            video: VideoPlan {
                encoder: VideoEncoder::Vp9 { cpu_used: 4 },
                rate: Rate::Crf(30),
                pixel_format: "yuv420p".into(),
                pad_to_even: false,
                keyframe_interval: None,
            },
            audio: AudioPlan { encoder: AudioEncoder::Opus, kilobits: 128 },
        }
    }

    fn source(width: u32) -> VideoStream {
        VideoStream {
            index: 0,
            codec: "h264".into(),
            width,
            height: 180,
            pixel_format: "yuv420p".into(),
            average_rate: None,
            base_rate: None,
            time_base: Rational { num: 1, den: 1000 },
            rotation: 0,
            start: None,
            interlaced: false,
            color: [None, None, None, None],
        }
    }

    #[test]
    fn names_of_files_are_plain_and_no_programs() {
        for (container, extension) in
            [(Container::Webm, "webm"), (Container::Other, "gif"), (Container::Mp4, "m4v")]
        {
            assert_eq!(description(&describing(container, extension)), Ok(()), "{extension}");
        }
        for (container, extension) in [
            (Container::Other, ""),
            (Container::Other, "../gif"),
            (Container::Other, "GIF"),
            (Container::Other, "a.b"),
            (Container::Other, "html"),
            (Container::Other, "webm"),
            (Container::Mp4, "gif"),
            (Container::Other, "elevenchars"),
        ] {
            let refused = description(&describing(container, extension)).unwrap_err();
            assert_eq!(refused.code, Code::PluginFailed, "{extension}");
        }
    }

    #[test]
    fn a_plan_that_can_t_be_never_reaches_ffmpeg() {
        let have: Encoders = ["libvpx-vp9", "libopus", "libx264", "aac", "libx265"]
            .map(str::to_owned)
            .into_iter()
            .collect();
        let code = |plan: &EncodePlan, width, have: &Encoders| {
            ffmpeg(plan, &source(width), have).err().map(|error| error.code)
        };
        assert_eq!(code(&plan(), 321, &have), None);
        assert_eq!(code(&plan(), 320, &Encoders::new()), Some(Code::EncoderMissing));
        let with = |change: &dyn Fn(&mut EncodePlan)| {
            let mut changed = plan();
            change(&mut changed);
            changed
        };
        let x264 = VideoEncoder::X264 { preset: 2 };
        let wrong: [&dyn Fn(&mut EncodePlan); 7] = [
            &|plan| plan.video.pixel_format = "yuv420p -f tee".into(),
            &|plan| plan.video.rate = Rate::Crf(64),
            &|plan| plan.video.encoder = VideoEncoder::Vp9 { cpu_used: 9 },
            &|plan| plan.video.keyframe_interval = Some(0),
            &|plan| plan.audio.encoder = AudioEncoder::Aac,
            &|plan| plan.video.encoder = x264,
            &|plan| plan.container = Container::Other,
        ];
        for change in wrong {
            assert_eq!(
                code(&with(change), 320, &have),
                Some(Code::PluginFailed),
                "{:?}",
                with(change)
            );
        }
        let mp4 = with(&|plan| (plan.container, plan.video.encoder) = (Container::Mp4, x264));
        assert_eq!(
            (code(&mp4, 320, &have), code(&mp4, 321, &have)),
            (None, Some(Code::PluginFailed))
        );
        let tiny = with(&|plan| {
            plan.container = Container::Mp4;
            plan.video.encoder = VideoEncoder::X265 { preset: 2 };
        });
        assert_eq!(code(&tiny, 8, &have), Some(Code::NotEncodable));
        assert_eq!(
            container(&plan(), &describing(Container::Mp4, "mp4")).unwrap_err().code,
            Code::PluginFailed
        );
    }

    #[test]
    fn frames_have_a_bound() {
        let plan = |side, num| FramePlan {
            width: side,
            height: side,
            pixel_format: FrameFormat::Rgba,
            frame_rate: Rational { num, den: 1 },
            audio: None,
        };
        let code = |plan| frames(&plan).err().map(|error| error.code);
        assert_eq!(code(plan(4096, 30)), None);
        assert_eq!(code(plan(4097, 30)), Some(Code::NotEncodable));
        assert_eq!(
            (code(plan(0, 30)), code(plan(64, 0))),
            (Some(Code::PluginFailed), Some(Code::PluginFailed))
        );
        let (num, den) = (30 << 32, 1 << 32);
        let too_fine = FramePlan { frame_rate: Rational { num, den }, ..plan(64, 30) };
        assert_eq!(code(too_fine), Some(Code::PluginFailed));
    }
}
