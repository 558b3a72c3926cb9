//! Arguments of the encoders in software.

use clipmill_core::probe::Container;
use clipmill_plugins::{Rate, VideoEncoder, VideoPlan};

use super::{Args, Encode, limit};

/// The encoder and its options; `most` is the highest rate, kilobits per second.
pub(super) fn picture(args: &mut Args, plan: &VideoPlan, job: &Encode<'_>, most: Option<u64>) {
    args.add(&["-c:v", plan.encoder.ffmpeg_name(&plan.pixel_format)]);
    match plan.encoder {
        VideoEncoder::X264 { preset } => {
            args.add(&["-preset", speed(preset)]);
            match plan.rate {
                // CRF 0 loses something in 10 bit; QP 0 never does.
                Rate::Lossless => args.add(&["-qp", "0"]),
                Rate::Crf(crf) => args.add(&["-crf", &crf.to_string()]),
            }
        }
        VideoEncoder::X265 { preset } => {
            args.add(&["-preset", speed(preset)]);
            let mut own = "log-level=error".to_owned();
            match plan.rate {
                Rate::Lossless => own.push_str(":lossless=1"),
                Rate::Crf(crf) => args.add(&["-crf", &crf.to_string()]),
            }
            if job.threads > 0 {
                own.push_str(&format!(":pools={}", job.threads));
            }
            args.add(&["-x265-params", &own]);
            if job.plan.container == Container::Mp4 {
                // Apple's players know no other name.
                args.add(&["-tag:v", "hvc1"]);
            }
        }
        VideoEncoder::SvtAv1 { preset } => {
            args.add(&["-preset", &preset.to_string(), "-crf", &quantizer(plan.rate)]);
        }
        VideoEncoder::Aom { cpu_used } => {
            args.add(&["-cpu-used", &cpu_used.to_string(), "-row-mt", "1"]);
            args.add(&["-b:v", &most_or_none(most), "-crf", &quantizer(plan.rate)]);
            if plan.rate == Rate::Lossless {
                args.add(&["-aom-params", "lossless=1"]);
            }
        }
        VideoEncoder::Vp9 { cpu_used } => {
            // Speeds above 5 exist in the realtime mode only.
            let mode = if cpu_used > 5 { "realtime" } else { "good" };
            args.add(&["-deadline", mode, "-cpu-used", &cpu_used.to_string(), "-row-mt", "1"]);
            args.add(&["-b:v", &most_or_none(most), "-crf", &quantizer(plan.rate)]);
            if plan.rate == Rate::Lossless {
                args.add(&["-lossless", "1"]);
            }
        }
    }
    match (plan.encoder, most) {
        (_, None) => {}
        // They have taken it as the bitrate beside the factor.
        (VideoEncoder::Aom { .. } | VideoEncoder::Vp9 { .. }, _) => {}
        // Measured with 1.4: noise goes 30 % beyond what it is told.
        (VideoEncoder::SvtAv1 { .. }, Some(kilobits)) => limit(args, kilobits * 3 / 4),
        (VideoEncoder::X264 { .. } | VideoEncoder::X265 { .. }, Some(kilobits)) => {
            limit(args, kilobits);
        }
    }
    args.add(&["-pix_fmt", &plan.pixel_format]);
    if let Some(frames) = plan.keyframe_interval {
        args.add(&["-g", &frames.to_string()]);
    }
}

fn most_or_none(kilobits: Option<u64>) -> String {
    kilobits.map_or_else(|| "0".to_owned(), |kilobits| format!("{kilobits}k"))
}

fn quantizer(rate: Rate) -> String {
    match rate {
        Rate::Lossless => "0".to_owned(),
        Rate::Crf(crf) => crf.to_string(),
    }
}

/// The names of presets of x264 and x265.
fn speed(preset: u8) -> &'static str {
    match preset {
        0 => "ultrafast",
        1 => "superfast",
        2 => "veryfast",
        3 => "faster",
        4 => "fast",
        5 => "medium",
        6 => "slow",
        7 => "slower",
        _ => "veryslow",
    }
}
