//! What a codec planned, for people and scripts.

use clipmill_plugins::{AudioEncoder, EncodePlan, FramePlan, Plan, Rate, VideoEncoder};

/// Names and values.
pub fn facts(plan: &Plan) -> Vec<(&'static str, String)> {
    match plan {
        Plan::Ffmpeg(plan) => ffmpeg(plan),
        Plan::Frames(plan) => frames(plan),
    }
}

fn ffmpeg(plan: &EncodePlan) -> Vec<(&'static str, String)> {
    let video = &plan.video;
    let encoder = match video.encoder {
        VideoEncoder::X264 { preset } => format!("libx264, speed {preset}"),
        VideoEncoder::X265 { preset } => format!("libx265, speed {preset}"),
        VideoEncoder::SvtAv1 { preset } => format!("libsvtav1, speed {preset}"),
        VideoEncoder::Aom { cpu_used } => format!("libaom-av1, speed {cpu_used}"),
        VideoEncoder::Vp9 { cpu_used } => format!("libvpx-vp9, speed {cpu_used}"),
    };
    let rate = match video.rate {
        Rate::Lossless => "lossless".to_owned(),
        Rate::Crf(crf) => format!("CRF {crf}"),
    };
    let sound = match plan.audio.encoder {
        AudioEncoder::Aac => "aac",
        AudioEncoder::Opus => "libopus",
    };
    let keyframes = video.keyframe_interval;
    vec![
        ("container", format!("{:?}", plan.container).to_lowercase()),
        ("picture", encoder),
        ("rate", rate),
        ("pixel format", video.pixel_format.clone()),
        ("odd sizes", if video.pad_to_even { "padded" } else { "kept" }.to_owned()),
        ("keyframes", keyframes.map_or("its own".to_owned(), |n| format!("every {n} frames"))),
        ("sound", format!("{sound}, {} kbit/s", plan.audio.kilobits)),
    ]
}

fn frames(plan: &FramePlan) -> Vec<(&'static str, String)> {
    let rate = plan.frame_rate;
    let sound = plan.audio.map_or("none".to_owned(), |audio| {
        format!("{} Hz, {} channels", audio.sample_rate, audio.channels)
    });
    vec![
        ("frames", format!("{}x{} {}", plan.width, plan.height, plan.pixel_format.ffmpeg_name())),
        ("rate", format!("{:.2} fps ({}/{})", rate.as_f64(), rate.num, rate.den)),
        ("sound", sound),
    ]
}
