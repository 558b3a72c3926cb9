//! Arguments of hardware encoders.
//!
//! Qualities are the factors of x264, x265 and SVT-AV1. What stands for them:
//!
//! - NVENC: `-cq`, NVIDIA's target quality, on the same scale (1 to 51, 63 for
//!   AV1), with `-b:v 0` so that no bitrate binds it.
//! - Quick Sync: `-global_quality`, Intel's ICQ, 1 to 51 on the scale of x264;
//!   AV1's factors, which go to 63, are brought to that.
//! - VA-API and AMF: a constant quantizer, which for H.264 and H.265 has the
//!   scale of the factor, and for AV1 is an index up to 255, about four times
//!   the factor (the table by which AV1's software encoders turn one into the
//!   other).
//! - VideoToolbox: `-q:v`, 1 to 100, higher is better. Measured by others
//!   against x264 and x265 `medium` at equal SSIM: 18, 23, 28 are 75, 64, 53
//!   for H.264 and 78, 68, 58 for H.265. Only Apple's own processors have it.

use std::ffi::OsString;
use std::path::Path;

use clipmill_core::probe::Container;
use clipmill_plugins::{Rate, VideoPlan};

use super::arg_list::ArgList;
use crate::ffmpeg::hardware_encoder::{HardwareApi, HardwareCodec, HardwareEncoder, HardwareJob};

/// Where VA-API's device usually is.
const VAAPI_DEVICE: &str = "/dev/dri/renderD128";

/// Size of the frame that an encoder is tried with: more than the least that any
/// hardware takes.
const TRIAL_SIZE: &str = "256x256";

/// The factor that an encoder is tried with.
const TRIAL_CRF: u8 = 23;

/// What comes before the inputs.
pub(super) fn device(args: &mut ArgList, hardware: HardwareJob<'_>) {
    match (hardware.encoder.api, hardware.device) {
        (HardwareApi::Vaapi, device) => {
            args.add(&["-vaapi_device", device.unwrap_or(VAAPI_DEVICE)])
        }
        (HardwareApi::Qsv, Some(device)) => args.add(&["-qsv_device", device]),
        _ => {}
    }
}

/// What brings frames to the encoder, at the end of a chain of filters.
pub(super) fn upload(hardware: HardwareJob<'_>, planned: &str) -> String {
    let format = hardware.encoder.pixel_format(planned).unwrap_or("nv12");
    match hardware.encoder.api {
        HardwareApi::Vaapi => format!("format={format},hwupload"),
        _ => format!("format={format}"),
    }
}

/// The encoder and its options.
pub(super) fn encoder(
    args: &mut ArgList,
    plan: &VideoPlan,
    container: Container,
    hardware: HardwareJob<'_>,
    max_kilobits: Option<u64>,
) {
    let HardwareJob { encoder, urgent, .. } = hardware;
    let crf = match plan.rate {
        Rate::Crf(crf) => crf,
        // Nothing in hardware stands in for it.
        Rate::Lossless => 0,
    };
    args.add(&["-c:v", encoder.name()]);
    let quality = quality(encoder, crf).to_string();
    match encoder.api {
        HardwareApi::Nvenc => {
            args.add(&["-preset", if urgent { "p3" } else { "p5" }, "-tune", "hq"]);
            args.add(&["-rc", "vbr", "-cq", &quality, "-b:v", "0"]);
            if let Some(kilobits) = max_kilobits {
                args.max_rate(kilobits);
            }
        }
        HardwareApi::Qsv => {
            args.add(&["-preset", if urgent { "veryfast" } else { "medium" }]);
            args.add(&["-global_quality", &quality]);
        }
        HardwareApi::Vaapi => args.add(&["-rc_mode", "CQP", "-global_quality", &quality]),
        HardwareApi::Amf => {
            args.add(&["-quality", if urgent { "speed" } else { "balanced" }]);
            args.add(&["-rc", "cqp", "-qp_i", &quality, "-qp_p", &quality]);
            if encoder.codec == HardwareCodec::H264 {
                args.add(&["-qp_b", &quality]);
            }
        }
        HardwareApi::VideoToolbox => args.add(&["-q:v", &quality]),
    }
    if encoder.codec == HardwareCodec::H265 && container == Container::Mp4 {
        args.add(&["-tag:v", "hvc1"]);
    }
    // VA-API's frames are in the device and have no format of their own.
    if encoder.api != HardwareApi::Vaapi
        && let Some(format) = encoder.pixel_format(&plan.pixel_format)
    {
        args.add(&["-pix_fmt", format]);
    }
    if let Some(frames) = plan.keyframe_interval {
        args.add(&["-g", &frames.to_string()]);
    }
}

/// Arguments of an encode of one frame, which proves that an encoder works. It
/// is driven as a job drives it.
pub(crate) fn trial_args(hardware: HardwareJob<'_>) -> Vec<OsString> {
    let plan = VideoPlan {
        encoder: clipmill_plugins::VideoEncoder::X264 { preset: 5 },
        rate: Rate::Crf(TRIAL_CRF),
        pixel_format: "yuv420p".to_owned(),
        pad_to_even: false,
        keyframe_interval: None,
    };
    let mut args = ArgList::quiet();
    device(&mut args, hardware);
    args.add(&["-protocol_whitelist", "file", "-f", "rawvideo", "-pixel_format", "yuv420p"]);
    args.add(&["-video_size", TRIAL_SIZE, "-framerate", "25", "-i"]);
    args.add_path(Path::new("/dev/zero"));
    args.add(&["-filter:v", &upload(hardware, &plan.pixel_format), "-frames:v", "1"]);
    encoder(&mut args, &plan, Container::Mkv, hardware, None);
    args.add(&["-f", "null", "-"]);
    args.0
}

/// What stands for a constant rate factor of the encoder in software.
fn quality(encoder: HardwareEncoder, crf: u8) -> u32 {
    let crf = u32::from(crf);
    let above = |from: u32, steps: u32| from.saturating_sub(steps).clamp(1, 100);
    match (encoder.api, encoder.codec) {
        (HardwareApi::Nvenc, HardwareCodec::Av1) => crf.clamp(1, 63),
        (HardwareApi::Qsv, HardwareCodec::Av1) => (crf * 51 / 63).clamp(1, 51),
        (HardwareApi::Vaapi | HardwareApi::Amf, HardwareCodec::Av1) => (crf * 4).clamp(1, 255),
        (HardwareApi::Nvenc | HardwareApi::Qsv | HardwareApi::Vaapi | HardwareApi::Amf, _) => {
            crf.clamp(1, 51)
        }
        (HardwareApi::VideoToolbox, HardwareCodec::H264) => above(115, crf * 22 / 10),
        (HardwareApi::VideoToolbox, _) => above(114, crf * 2),
    }
}
