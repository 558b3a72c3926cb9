//! Hardware encoders: which there are, whether they work, and how they fare.
//!
//! An encoder is used once it has encoded a frame, and left alone for a while when
//! it keeps failing. What a job does without it is decided by the caller.

mod failure_reason;
mod health;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clipmill_core::probe::VideoStream;
use clipmill_core::process::{self, Spec};
use clipmill_plugins::{Encoders, VideoPlan};
use tokio::sync::Mutex;

pub(crate) use self::failure_reason::failure_reason;
use self::health::EncoderHealth;
use super::args::trial_args;
use super::hardware_encoder::{HardwareApi, HardwareCodec, HardwareEncoder, HardwareJob};
use crate::settings::EncodeSettings;

/// Longest time for the encode of one frame.
const TRIAL_TIME: Duration = Duration::from_secs(10);
/// Most bytes that ffmpeg may print then.
const TRIAL_OUTPUT: usize = 64 * 1024;

/// Variables by which drivers and their libraries are found and chosen.
const VARIABLES: [&str; 4] =
    ["LIBVA_DRIVER_NAME", "LIBVA_DRIVERS_PATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"];

/// The hardware encoders that the configuration allows. Copies share what is known
/// of them.
#[derive(Debug, Clone)]
pub struct HardwareEncoders {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ffmpeg: PathBuf,
    apis: &'static [HardwareApi],
    device: Option<String>,
    /// Those that ffmpeg lists.
    encoders: BTreeMap<HardwareEncoder, Mutex<EncoderHealth>>,
}

impl HardwareEncoders {
    /// Those of this ffmpeg. Nothing is tried yet.
    pub(super) fn new(
        settings: &EncodeSettings,
        ffmpeg: PathBuf,
        listed: &Encoders,
    ) -> HardwareEncoders {
        let apis = HardwareApi::allowed(settings.hardware);
        let encoders = apis
            .iter()
            .flat_map(|api| HardwareCodec::ALL.map(|codec| HardwareEncoder { api: *api, codec }))
            .filter(|encoder| listed.contains(encoder.name()))
            .map(|encoder| (encoder, Mutex::default()))
            .collect();
        let device = settings.hardware_device.clone();
        HardwareEncoders { shared: Arc::new(Shared { ffmpeg, apis, device, encoders }) }
    }

    /// Tries all of which nothing is known yet, one after the other. Returns
    /// ffmpeg's names of all, and why those don't work that don't.
    pub async fn try_all(&self) -> Vec<(&'static str, Result<(), String>)> {
        let mut results = Vec::new();
        for (encoder, health) in &self.shared.encoders {
            let mut health = health.lock().await;
            self.try_if_due(*encoder, &mut health).await;
            results.push((encoder.name(), health.state()));
        }
        results
    }

    /// Tries all if the configuration allows any, and logs which work.
    pub async fn try_all_and_log(&self) {
        if self.shared.apis.is_empty() {
            return;
        }
        let results = self.try_all().await;
        if results.is_empty() {
            tracing::warn!("this ffmpeg has none of the configured hardware encoders");
        }
        for (name, state) in results {
            match state {
                Ok(()) => tracing::info!("hardware encoder {name} works and is used"),
                Err(why) => tracing::info!("hardware encoder {name} is not used: {why}"),
            }
        }
    }

    /// The one that replaces the encoder of this plan, for this source; none when
    /// there is none that works. With `limited` it must keep a highest rate.
    pub(crate) async fn replacement(
        &self,
        plan: &VideoPlan,
        source: &VideoStream,
        limited: bool,
    ) -> Option<HardwareEncoder> {
        let codec = HardwareCodec::from_encoder(plan.encoder)?;
        for api in self.shared.apis.iter().filter(|api| !limited || api.limits_rate()) {
            let encoder = HardwareEncoder { api: *api, codec };
            if !encoder.can_replace(plan, source) {
                continue;
            }
            let Some(health) = self.shared.encoders.get(&encoder) else { continue };
            let mut health = health.lock().await;
            self.try_if_due(encoder, &mut health).await;
            if health.state().is_ok() {
                return Some(encoder);
            }
        }
        None
    }

    /// A job succeeded with it.
    pub(crate) async fn job_succeeded(&self, encoder: HardwareEncoder) {
        if let Some(health) = self.shared.encoders.get(&encoder) {
            health.lock().await.job_succeeded();
        }
    }

    /// A job failed with it that succeeded without it.
    pub(crate) async fn job_failed(&self, encoder: HardwareEncoder, why: &str) {
        let Some(health) = self.shared.encoders.get(&encoder) else { return };
        if health.lock().await.job_failed(why, Instant::now()) {
            let (name, minutes) = (encoder.name(), health::REST.as_secs() / 60);
            tracing::warn!("hardware encoder {name} is not used for {minutes} minutes: {why}");
        }
    }

    async fn try_if_due(&self, encoder: HardwareEncoder, health: &mut EncoderHealth) {
        if !health.wants_trial(Instant::now()) {
            return;
        }
        let device = self.shared.device.as_deref();
        let args = trial_args(HardwareJob { encoder, device, urgent: false });
        let spec = Spec { env: variables(), ..Spec::new(&self.shared.ffmpeg, args, TRIAL_TIME) };
        let result = process::run(spec, TRIAL_OUTPUT).await.map(|_| ()).map_err(|failure| {
            let (name, stderr) = (encoder.name(), failure.stderr_tail());
            tracing::debug!(error = %failure, stderr, "the trial of hardware encoder {name} failed");
            failure_reason(&failure)
        });
        health.tried(result, Instant::now());
    }
}

/// What a driver may need of the environment.
pub(crate) fn variables() -> Vec<(OsString, OsString)> {
    VARIABLES.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?))).collect()
}
