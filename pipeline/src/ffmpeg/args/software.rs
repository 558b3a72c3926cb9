//! Arguments of software encoders.

use clipmill_core::probe::Container;
use clipmill_plugins::{Rate, VideoEncoder, VideoPlan};

use super::arg_list::ArgList;

/// The encoder and its options.
pub(super) fn encoder(
    args: &mut ArgList,
    plan: &VideoPlan,
    container: Container,
    threads: u32,
    max_kilobits: Option<u64>,
) {
    args.add(&["-c:v", plan.encoder.ffmpeg_name(&plan.pixel_format)]);
    match plan.encoder {
        VideoEncoder::X264 { preset } => {
            args.add(&["-preset", preset_name(preset)]);
            match plan.rate {
                // CRF 0 loses something in 10 bit; QP 0 never does.
                Rate::Lossless => args.add(&["-qp", "0"]),
                Rate::Crf(crf) => args.add(&["-crf", &crf.to_string()]),
            }
        }
        VideoEncoder::X265 { preset } => x265(args, preset, plan.rate, container, threads),
        VideoEncoder::SvtAv1 { preset } => {
            args.add(&["-preset", &preset.to_string(), "-crf", &quantizer(plan.rate)]);
        }
        VideoEncoder::Aom { cpu_used } => {
            args.add(&["-cpu-used", &cpu_used.to_string(), "-row-mt", "1"]);
            args.add(&["-b:v", &bitrate(max_kilobits), "-crf", &quantizer(plan.rate)]);
            if plan.rate == Rate::Lossless {
                args.add(&["-aom-params", "lossless=1"]);
            }
        }
        VideoEncoder::Vp9 { cpu_used } => {
            // Speeds above 5 exist in the realtime mode only.
            let mode = if cpu_used > 5 { "realtime" } else { "good" };
            args.add(&["-deadline", mode, "-cpu-used", &cpu_used.to_string(), "-row-mt", "1"]);
            args.add(&["-b:v", &bitrate(max_kilobits), "-crf", &quantizer(plan.rate)]);
            if plan.rate == Rate::Lossless {
                args.add(&["-lossless", "1"]);
            }
        }
    }
    if let Some(kilobits) = max_kilobits {
        limit_rate(args, plan.encoder, kilobits);
    }
    args.add(&["-pix_fmt", &plan.pixel_format]);
    if let Some(frames) = plan.keyframe_interval {
        args.add(&["-g", &frames.to_string()]);
    }
}

fn x265(args: &mut ArgList, preset: u8, rate: Rate, container: Container, threads: u32) {
    args.add(&["-preset", preset_name(preset)]);
    let mut params = "log-level=error".to_owned();
    match rate {
        Rate::Lossless => params.push_str(":lossless=1"),
        Rate::Crf(crf) => args.add(&["-crf", &crf.to_string()]),
    }
    if threads > 0 {
        params.push_str(&format!(":pools={threads}"));
    }
    args.add(&["-x265-params", &params]);
    if container == Container::Mp4 {
        // Apple's players know no other name.
        args.add(&["-tag:v", "hvc1"]);
    }
}

fn limit_rate(args: &mut ArgList, encoder: VideoEncoder, kilobits: u64) {
    match encoder {
        // They have taken it as the bitrate beside the factor.
        VideoEncoder::Aom { .. } | VideoEncoder::Vp9 { .. } => {}
        // Measured with 1.4: noise goes 30 % beyond the limit.
        VideoEncoder::SvtAv1 { .. } => args.max_rate(kilobits * 3 / 4),
        VideoEncoder::X264 { .. } | VideoEncoder::X265 { .. } => args.max_rate(kilobits),
    }
}

/// The bitrate beside a constant factor; 0 for none.
fn bitrate(kilobits: Option<u64>) -> String {
    kilobits.map_or_else(|| "0".to_owned(), |kilobits| format!("{kilobits}k"))
}

fn quantizer(rate: Rate) -> String {
    match rate {
        Rate::Lossless => "0".to_owned(),
        Rate::Crf(crf) => crf.to_string(),
    }
}

/// The names of presets of x264 and x265.
fn preset_name(preset: u8) -> &'static str {
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
