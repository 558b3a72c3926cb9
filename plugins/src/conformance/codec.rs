//! Cases for codecs.

use clipmill_core::probe::Probe;
use clipmill_core::{Code, Error};

use super::frames::frame_cases;
use super::message::is_message;
use super::{all_encoders, probes};
use crate::is_name;
use crate::{Codec, Encoders, Plan};

/// Runs every case for one codec.
///
/// # Panics
/// When the codec breaks a rule; the message names it.
pub async fn codec_cases(codec: &dyn Codec) {
    description_is_stable_and_sound(codec);
    every_quality_has_a_sound_plan(codec).await;
    plans_are_repeatable(codec).await;
    an_unknown_quality_is_an_error(codec).await;
    a_file_without_picture_is_an_error(codec).await;
    a_machine_without_encoders_is_an_error(codec).await;
    frame_cases(codec).await;
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
    let shown = ["video/", "audio/", "image/"].iter().any(|kind| it.mime.starts_with(kind));
    assert!(shown, "{} is nothing that is shown or heard", it.mime);
    assert!(is_name(&it.extension), "{:?} is no extension", it.extension);
}

async fn every_quality_has_a_sound_plan(codec: &dyn Codec) {
    let (it, have) = (codec.describe(), all_encoders());
    for quality in &it.qualities {
        let mut planned = 0;
        for probe in probes() {
            let what = format!("{} {quality} of {:?}", it.name, probe.video);
            match plan(codec, &probe, quality, &have).await {
                Ok(Plan::Frames(plan)) => {
                    planned += 1;
                    assert_eq!(plan.problem(), None, "{what}");
                }
                Ok(Plan::Ffmpeg(plan)) => {
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
                Err(error) => assert_eq!(error.code, Code::NotEncodable, "{what}"),
            }
        }
        assert!(planned > 0, "{} can't do {quality} at all", it.name);
    }
}

async fn plans_are_repeatable(codec: &dyn Codec) {
    let (it, have) = (codec.describe(), all_encoders());
    for quality in &it.qualities {
        for probe in probes() {
            assert_eq!(
                codec.plan(&probe, quality, &have).await,
                codec.plan(&probe, quality, &have).await,
                "a plan of {} changes",
                it.name
            );
        }
    }
}

async fn an_unknown_quality_is_an_error(codec: &dyn Codec) {
    for quality in ["", "no such quality", "../high", "HIGH\0"] {
        let Some(probe) = probes().into_iter().next() else { continue };
        let planned = plan(codec, &probe, quality, &all_encoders()).await;
        assert_eq!(planned.map_err(|error| error.code), Err(Code::UnknownQuality), "{quality:?}");
    }
}

async fn a_file_without_picture_is_an_error(codec: &dyn Codec) {
    for quality in codec.describe().qualities {
        for mut probe in probes() {
            probe.video = None;
            let planned = plan(codec, &probe, &quality, &all_encoders()).await;
            assert_eq!(planned.map_err(|error| error.code), Err(Code::NoVideo));
        }
    }
}

async fn a_machine_without_encoders_is_an_error(codec: &dyn Codec) {
    for quality in codec.describe().qualities {
        for probe in probes() {
            let planned = plan(codec, &probe, &quality, &Encoders::new()).await;
            let code = planned.map_err(|error| error.code);
            // Who encodes by himself needs none.
            let fits = matches!(
                code,
                Err(Code::EncoderMissing | Code::NotEncodable) | Ok(Plan::Frames(_))
            );
            assert!(fits, "{code:?}");
        }
    }
}

/// A plan, or an error that is one of the known.
async fn plan(
    codec: &dyn Codec,
    probe: &Probe,
    quality: &str,
    have: &Encoders,
) -> Result<Plan, Error> {
    codec.plan(probe, quality, have).await.inspect_err(|error| {
        assert!(Code::CODEC.contains(&error.code), "{} is no code", error.code);
        assert!(is_message(&error.message), "{:?} can't be shown", error.message);
    })
}
