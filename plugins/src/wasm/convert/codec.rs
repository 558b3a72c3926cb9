//! What codecs answer.

use std::collections::BTreeSet;

use clipmill_core::{Code, Error};

use super::super::bindings::{codec, types};
use super::super::fault::Fault;
use super::source::container;
use super::text::{line, message};
use crate::{
    AudioEncoder, AudioPlan, CodecDescription, EncodePlan, Rate, VideoEncoder, VideoPlan, is_name,
};

/// Most qualities of one codec.
const QUALITIES: usize = 16;
/// What results may be; a browser runs none of these.
const KINDS: [&str; 3] = ["video/", "audio/", "image/"];

/// A description, checked; what is wrong with it otherwise.
pub(crate) fn description(it: types::CodecDescription) -> Result<CodecDescription, String> {
    if !is_name(&it.name) {
        return Err(format!("the name {:?} is not 1 to 32 of a-z, 0-9 and _", line(&it.name, 64)));
    }
    let distinct: BTreeSet<_> = it.qualities.iter().collect();
    let fine = it.qualities.iter().all(|quality| is_name(quality));
    if !fine || distinct.len() != it.qualities.len() || !(1..=QUALITIES).contains(&distinct.len()) {
        return Err(format!("the qualities are not 1 to {QUALITIES} different names"));
    }
    let subtype = KINDS.iter().find_map(|kind| it.mime.strip_prefix(kind)).unwrap_or_default();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-+.".contains(&b);
    // An SVG is a program.
    if subtype.is_empty() || !subtype.bytes().all(plain) || subtype.contains("svg") {
        return Err(format!(
            "the MIME type {:?} is not of video, audio or image",
            line(&it.mime, 64)
        ));
    }
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if !(1..=8).contains(&it.extension.len()) || !it.extension.bytes().all(alphanumeric) {
        return Err("the extension is not 1 to 8 of a-z and 0-9".to_owned());
    }
    Ok(CodecDescription {
        name: it.name,
        qualities: it.qualities,
        container: container(it.container),
        mime: it.mime,
        extension: it.extension,
        offered: true,
    })
}

/// A plan in our words, checked.
pub(crate) fn encode_plan(
    plan: codec::EncodePlan,
    of: &CodecDescription,
) -> Result<EncodePlan, Fault> {
    let video = plan.video;
    let plan = EncodePlan {
        container: container(plan.container),
        video: VideoPlan {
            encoder: match video.encoder {
                codec::VideoEncoder::X264(preset) => VideoEncoder::X264 { preset },
                codec::VideoEncoder::X265(preset) => VideoEncoder::X265 { preset },
                codec::VideoEncoder::SvtAv1(preset) => VideoEncoder::SvtAv1 { preset },
                codec::VideoEncoder::Aom(cpu_used) => VideoEncoder::Aom { cpu_used },
                codec::VideoEncoder::Vp9(cpu_used) => VideoEncoder::Vp9 { cpu_used },
            },
            rate: match video.rate {
                codec::Rate::Lossless => Rate::Lossless,
                codec::Rate::Crf(crf) => Rate::Crf(crf),
            },
            pixel_format: line(&video.pixel_format, 32),
            pad_to_even: video.pad_to_even,
            keyframe_interval: video.keyframe_interval,
        },
        audio: AudioPlan {
            encoder: match plan.audio.encoder {
                codec::AudioEncoder::Aac => AudioEncoder::Aac,
                codec::AudioEncoder::Opus => AudioEncoder::Opus,
            },
            kilobits: plan.audio.kilobits,
        },
    };
    if plan.container != of.container {
        return Err(Fault::Malformed(format!(
            "a plan for {:?}, where its description says {:?}",
            plan.container, of.container
        )));
    }
    match plan.problem() {
        Some(problem) => Err(Fault::Malformed(format!("a plan that can't be: {problem}"))),
        None => Ok(plan),
    }
}

/// Why a codec can't do it, as it says itself.
pub(crate) fn codec_error(error: types::CodecError) -> Error {
    match error {
        types::CodecError::UnknownQuality(said) => {
            Error::never(Code::UnknownQuality, message(&said))
        }
        types::CodecError::NoVideo(said) => Error::never(Code::NoVideo, message(&said)),
        types::CodecError::EncoderMissing(said) => {
            Error::never(Code::EncoderMissing, message(&said))
        }
        types::CodecError::NotEncodable(said) => Error::never(Code::NotEncodable, message(&said)),
        types::CodecError::Failed(said) => Error::later(Code::CodecFailed, message(&said)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn it() -> types::CodecDescription {
        types::CodecDescription {
            name: "gif".into(),
            qualities: vec!["high".into(), "medium".into()],
            container: types::Container::Other,
            mime: "image/gif".into(),
            extension: "gif".into(),
        }
    }

    #[test]
    fn descriptions_that_could_do_harm_are_refused() {
        assert!(description(it()).is_ok());
        type Change = fn(&mut types::CodecDescription);
        let changes: [Change; 8] = [
            |it| it.name = "../gif".into(),
            |it| it.qualities.clear(),
            |it| it.qualities[1] = "high".into(),
            |it| it.mime = "text/html".into(),
            |it| it.mime = "image/svg+xml".into(),
            |it| it.mime = "image/gif\r\nX: y".into(),
            |it| it.extension = "../x".into(),
            |it| it.extension = String::new(),
        ];
        for (n, change) in changes.into_iter().enumerate() {
            let mut it = it();
            change(&mut it);
            assert!(description(it).is_err(), "change {n}");
        }
    }
}
