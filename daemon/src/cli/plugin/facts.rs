//! What a source resolved and a codec planned, for people and scripts.

use clipmill_core::probe::{Format, Live, MediaInfo, Transport};
use clipmill_plugins::{AudioEncoder, EncodePlan, FramePlan, Plan, Rate, VideoEncoder};

use super::table::{TextTable, bytes};

/// What a codec planned, as names and values.
pub fn plan_facts(plan: &Plan) -> Vec<(&'static str, String)> {
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

/// Prints what a source resolved. The texts are a stranger's, so control
/// characters are replaced.
pub fn print_media(info: &MediaInfo) {
    let mut facts = TextTable::plain();
    let mut fact = |name: &str, text: String| facts.row([name.to_owned(), plain(&text)]);
    fact("id", info.id.clone());
    fact("title", info.title.clone().unwrap_or_else(|| "-".to_owned()));
    fact("duration", info.duration.map_or("-".to_owned(), |seconds| format!("{seconds} s")));
    fact("live", live(info.live));
    if let Some(at) = info.expires_at {
        fact("expires", at.format("%Y-%m-%d %H:%M:%S UTC").to_string());
    }
    print!("{facts}");
    println!();
    let mut table =
        TextTable::new(&["FORMAT", "FILE", "PICTURE", "SOUND", "KBIT/S", "SIZE", "HOW", "ADDRESS"]);
    info.formats.iter().for_each(|format| table.row(row(format).map(|cell| plain(&cell))));
    print!("{table}");
}

fn row(format: &Format) -> [String; 8] {
    let none = || "-".to_owned();
    let picture = format.video.as_ref().map(|video| {
        let size = match (video.width, video.height) {
            (Some(width), Some(height)) => format!("{width}x{height}"),
            (None, Some(height)) => format!("{height}p"),
            _ => "?".to_owned(),
        };
        let rate = video.fps.map(|fps| format!(" {fps:.2} fps")).unwrap_or_default();
        let codec = video.codec.as_deref().map(|codec| format!(" {codec}")).unwrap_or_default();
        format!("{size}{rate}{codec}")
    });
    let sound =
        format.audio.as_ref().map(|audio| audio.codec.clone().unwrap_or_else(|| "?".to_owned()));
    let (how, address) = match &format.transport {
        Transport::Progressive { url, .. } => ("http", url.as_str()),
        Transport::Hls { url, .. } => ("hls", url.as_str()),
        Transport::Dash { url, .. } => ("dash", url.as_str()),
        Transport::Opaque => ("own", "-"),
    };
    [
        format.id.clone(),
        format!("{:?}", format.container).to_lowercase(),
        picture.unwrap_or_else(none),
        sound.unwrap_or_else(none),
        format.bitrate.map_or_else(none, |bits| format!("{:.0}", bits / 1000.0)),
        format.size.map_or_else(none, bytes),
        how.to_owned(),
        address.to_owned(),
    ]
}

fn live(live: Live) -> String {
    let since = |began: Option<chrono::DateTime<chrono::Utc>>| {
        began
            .map(|at| format!(", since {}", at.format("%Y-%m-%d %H:%M:%S UTC")))
            .unwrap_or_default()
    };
    match live {
        Live::No => "no".to_owned(),
        Live::Upcoming => "upcoming".to_owned(),
        Live::Running { began } => format!("running{}", since(began)),
        Live::Ended { began } => format!("ended{}", since(began)),
    }
}

/// Text without control characters.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
