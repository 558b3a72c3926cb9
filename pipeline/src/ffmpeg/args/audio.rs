//! Arguments of audio streams that are re-encoded.

use clipmill_core::probe::{AudioStream, Container};
use clipmill_plugins::{AudioEncoder, AudioPlan};

use super::arg_list::{ArgList, CutWindow, seconds};

/// Most kilobits per second of one audio stream.
const MAX_KILOBITS: u32 = 512;

/// Samples that libopus puts before the audio, in seconds (312 at 48 kHz).
const OPUS_DELAY: &str = "0.0065";

/// Kilobits per second of an audio stream with so many channels; the plan's are
/// those of stereo.
pub(crate) fn audio_kilobits(plan: &AudioPlan, channels: u32) -> u32 {
    (plan.kilobits.saturating_mul(channels.clamp(1, 8)) / 2).clamp(32, MAX_KILOBITS)
}

/// Encoder, rates and filters of all kept audio streams.
pub(super) fn encode_streams(
    args: &mut ArgList,
    plan: &AudioPlan,
    streams: &[AudioStream],
    container: Container,
    window: Option<CutWindow>,
) {
    if streams.is_empty() {
        return;
    }
    let encoder = match plan.encoder {
        AudioEncoder::Aac => "aac",
        AudioEncoder::Opus => "libopus",
    };
    args.add(&["-c:a", encoder]);
    for (n, stream) in streams.iter().enumerate() {
        let kilobits = audio_kilobits(plan, stream.channels);
        args.add(&[&format!("-b:a:{n}"), &format!("{kilobits}k")]);
        if let Some(filter) = audio_filter(window, container, plan.encoder, stream) {
            args.add(&[&format!("-filter:a:{n}"), &filter]);
        }
    }
}

/// Cuts the audio at the first frame and keeps its distance to it: what is
/// missing at the start is filled with silence.
fn audio_filter(
    window: Option<CutWindow>,
    container: Container,
    encoder: AudioEncoder,
    stream: &AudioStream,
) -> Option<String> {
    let mut filters = Vec::new();
    if let Some(window) = window {
        let start = seconds(window.start_micros);
        let end = seconds(window.end_micros);
        filters.push(format!("atrim=start={start}:end={end}"));
        filters.push(format!(
            "asetpts=PTS-({start})/TB,aresample=async=1:min_hard_comp=0.01:first_pts=0"
        ));
    }
    if container == Container::Webm {
        // The encoder's output starts that much before its input. ffmpeg's muxer
        // would shift everything else by it, although players skip it anyway.
        filters.push(format!("asetpts=PTS+{OPUS_DELAY}/TB"));
    }
    if stream.channels > 2 {
        // Layouts that the encoder has; others play in few places or not at all.
        filters.push(match encoder {
            AudioEncoder::Aac => "aformat=channel_layouts=3.0|4.0|5.0|5.1|7.1".to_owned(),
            AudioEncoder::Opus => "aformat=channel_layouts=3.0|quad|5.0|5.1|6.1|7.1".to_owned(),
        });
    }
    (!filters.is_empty()).then(|| filters.join(","))
}
