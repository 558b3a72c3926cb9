//! What codecs that encode by themselves answer and are told.

use clipmill_core::probe::Rational;

use super::super::bindings::{frames, types};
use super::super::fault::Fault;
use super::probe::rational;
use crate::{FrameFormat, FramePlan, PcmFormat};

/// A plan in our words, checked.
pub(crate) fn frame_plan(plan: frames::FramePlan) -> Result<FramePlan, Fault> {
    let types::Rational { num, den } = plan.frame_rate;
    let plan = FramePlan {
        width: plan.width,
        height: plan.height,
        pixel_format: match plan.pixel_format {
            frames::FrameFormat::Rgb24 => FrameFormat::Rgb24,
            frames::FrameFormat::Rgba => FrameFormat::Rgba,
            frames::FrameFormat::Gray => FrameFormat::Gray,
            frames::FrameFormat::Yuv420p => FrameFormat::Yuv420p,
        },
        frame_rate: Rational { num: num.into(), den: den.into() },
        audio: plan
            .audio
            .map(|audio| PcmFormat { sample_rate: audio.sample_rate, channels: audio.channels }),
    };
    match plan.problem() {
        Some(problem) => Err(Fault::Malformed(format!("a plan that can't be: {problem}"))),
        None => Ok(plan),
    }
}

/// A plan in the guest's words; none where its rate has no place there.
pub(crate) fn frame_plan_for_guest(plan: &FramePlan) -> Option<frames::FramePlan> {
    Some(frames::FramePlan {
        width: plan.width,
        height: plan.height,
        pixel_format: match plan.pixel_format {
            FrameFormat::Rgb24 => frames::FrameFormat::Rgb24,
            FrameFormat::Rgba => frames::FrameFormat::Rgba,
            FrameFormat::Gray => frames::FrameFormat::Gray,
            FrameFormat::Yuv420p => frames::FrameFormat::Yuv420p,
        },
        frame_rate: rational(plan.frame_rate)?,
        audio: plan.audio.map(|audio| frames::PcmFormat {
            sample_rate: audio.sample_rate,
            channels: audio.channels,
        }),
    })
}
