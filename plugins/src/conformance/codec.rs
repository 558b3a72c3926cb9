//! Cases for codecs.

use super::{all_encoders, is_message, is_name, probes};
use crate::media::Probe;
use crate::{Codec, EncodePlan, Encoders, PlanError};

/// Runs every case for one codec.
///
/// # Panics
/// When the codec breaks a rule; the message names it.
pub fn codec_cases(codec: &dyn Codec) {
    description_is_stable_and_sound(codec);
    every_quality_has_a_sound_plan(codec);
    plans_are_repeatable(codec);
    an_unknown_quality_is_an_error(codec);
    a_file_without_picture_is_an_error(codec);
    a_machine_without_encoders_is_an_error(codec);
}

fn description_is_stable_and_sound(codec: &dyn Codec) {
    let it = codec.describe();
    assert_eq!(it, codec.describe(), "a description changes");
    assert!(is_name(&it.name), "{:?} is no name", it.name);
    assert!(!it.qualities.is_empty(), "{} has no quality", it.name);
    for (n, quality) in it.qualities.iter().enumerate() {
        assert!(is_name(quality), "{quality:?} is no name");
        assert!(!it.qualities[..n].contains(quality), "{quality} is there twice");
    }
    assert!(it.mime.starts_with("video/"), "{} is no kind of video", it.mime);
    assert!(is_name(&it.extension), "{:?} is no extension", it.extension);
}

fn every_quality_has_a_sound_plan(codec: &dyn Codec) {
    let (it, have) = (codec.describe(), all_encoders());
    for quality in &it.qualities {
        let mut planned = 0;
        for probe in probes() {
            let what = format!("{} {quality} of {:?}", it.name, probe.video);
            match plan(codec, &probe, quality, &have) {
                Ok(plan) => {
                    planned += 1;
                    assert_eq!(plan.problem(), None, "{what}");
                    assert_eq!(plan.container, it.container, "{what}");
                    let video = &plan.video;
                    let name = video.encoder.ffmpeg_name(&video.pixel_format);
                    assert!(have.contains(name), "{what}: {name} is not there");
                    let odd = probe.video.is_some_and(|v| v.width % 2 == 1 || v.height % 2 == 1);
                    let fits = video.encoder.takes_odd_sizes(&video.pixel_format);
                    assert!(!odd || fits || video.pad_to_even, "{what}: {name} takes no odd sizes");
                }
                Err(error) => assert_eq!(error.code, "not_encodable", "{what}"),
            }
        }
        assert!(planned > 0, "{} can't do {quality} at all", it.name);
    }
}

fn plans_are_repeatable(codec: &dyn Codec) {
    let (it, have) = (codec.describe(), all_encoders());
    for quality in &it.qualities {
        for probe in probes() {
            assert_eq!(
                codec.plan(&probe, quality, &have),
                codec.plan(&probe, quality, &have),
                "a plan of {} changes",
                it.name
            );
        }
    }
}

fn an_unknown_quality_is_an_error(codec: &dyn Codec) {
    for quality in ["", "no such quality", "../high", "HIGH\0"] {
        let planned = probes().iter().map(|p| plan(codec, p, quality, &all_encoders())).next();
        let code = planned.map(|planned| planned.map_err(|error| error.code));
        assert_eq!(code, Some(Err("unknown_quality")), "{quality:?}");
    }
}

fn a_file_without_picture_is_an_error(codec: &dyn Codec) {
    for quality in codec.describe().qualities {
        for mut probe in probes() {
            probe.video = None;
            let planned = plan(codec, &probe, &quality, &all_encoders());
            assert_eq!(planned.map_err(|error| error.code), Err("no_video"));
        }
    }
}

fn a_machine_without_encoders_is_an_error(codec: &dyn Codec) {
    for quality in codec.describe().qualities {
        for probe in probes() {
            let planned = plan(codec, &probe, &quality, &Encoders::new());
            let code = planned.map_err(|error| error.code);
            assert!(matches!(code, Err("encoder_missing" | "not_encodable")), "{code:?}");
        }
    }
}

/// A plan, or an error that is one of the known.
fn plan(
    codec: &dyn Codec,
    probe: &Probe,
    quality: &str,
    have: &Encoders,
) -> Result<EncodePlan, PlanError> {
    codec.plan(probe, quality, have).inspect_err(|error| {
        assert!(PlanError::CODES.contains(&error.code), "{} is no code", error.code);
        assert!(is_message(&error.message), "{:?} can't be shown", error.message);
    })
}
