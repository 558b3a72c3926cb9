//! Encoders in hardware: which there are, whether they work, and how they fare.
//!
//! An encoder is believed when it has encoded a frame, and left alone for a
//! while when it keeps failing. What a job does without it is not known here.

mod standing;
mod words;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clipmill_core::process::{self, Spec};
use clipmill_plugins::{Encoders, VideoPlan};
use standing::Standing;
use tokio::sync::Mutex;

pub(crate) use words::why;

use super::args::trial;
use super::encoder::{Coded, Hardware, HardwareEncoder, Kind};
use crate::settings::EncodeSettings;

/// Longest time for the encode of one frame.
const TRIAL: Duration = Duration::from_secs(10);
/// Most bytes that ffmpeg may say there.
const WORDS: usize = 64 * 1024;

/// Variables by which drivers and their libraries are found and chosen.
const VARIABLES: [&str; 4] =
    ["LIBVA_DRIVER_NAME", "LIBVA_DRIVERS_PATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"];

/// The encoders in hardware that the configuration allows. Copies share what
/// is known of them.
#[derive(Debug, Clone)]
pub struct HardwareEncoders {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ffmpeg: PathBuf,
    kinds: &'static [Kind],
    device: Option<String>,
    /// Those that ffmpeg lists.
    standings: BTreeMap<HardwareEncoder, Mutex<Standing>>,
}

impl HardwareEncoders {
    /// Those of this ffmpeg. Nothing is tried yet.
    pub(super) fn new(
        config: &EncodeSettings,
        ffmpeg: PathBuf,
        have: &Encoders,
    ) -> HardwareEncoders {
        let kinds = Kind::chosen(config.hardware);
        let all = kinds
            .iter()
            .flat_map(|kind| Coded::ALL.map(|coded| HardwareEncoder { kind: *kind, coded }));
        let standings = all
            .filter(|encoder| have.contains(encoder.name()))
            .map(|encoder| (encoder, Mutex::default()))
            .collect();
        let device = config.hardware_device.clone();
        HardwareEncoders { shared: Arc::new(Shared { ffmpeg, kinds, device, standings }) }
    }

    /// Whether the configuration allows any.
    fn is_wanted(&self) -> bool {
        !self.shared.kinds.is_empty()
    }

    /// Tries all of which nothing is known yet, one after the other. Answers
    /// ffmpeg's names of them, and why those don't work that don't.
    pub async fn look(&self) -> Vec<(&'static str, Result<(), String>)> {
        let mut seen = Vec::new();
        for (encoder, standing) in &self.shared.standings {
            let mut standing = standing.lock().await;
            self.ask(*encoder, &mut standing).await;
            seen.push((encoder.name(), standing.state()));
        }
        seen
    }

    /// Looks if any are wanted, and writes into the log what was found.
    pub async fn look_and_tell(&self) {
        if !self.is_wanted() {
            return;
        }
        let seen = self.look().await;
        if seen.is_empty() {
            tracing::warn!("this ffmpeg has none of the encoders in hardware that are configured");
        }
        for (name, state) in seen {
            match state {
                Ok(()) => tracing::info!("{name} works and is used"),
                Err(why) => tracing::info!("{name} is not used: {why}"),
            }
        }
    }

    /// The one that stands in for this plan, of a source with these sides;
    /// none when there is none that works.
    pub(crate) async fn stand_in(
        &self,
        plan: &VideoPlan,
        sides: (u32, u32),
        limited: bool,
    ) -> Option<HardwareEncoder> {
        let coded = Coded::of(plan.encoder)?;
        for kind in self.shared.kinds.iter().filter(|kind| !limited || kind.keeps_limits()) {
            let encoder = HardwareEncoder { kind: *kind, coded };
            if !encoder.stands_in(plan, sides) {
                continue;
            }
            let Some(standing) = self.shared.standings.get(&encoder) else { continue };
            let mut standing = standing.lock().await;
            self.ask(encoder, &mut standing).await;
            if standing.state().is_ok() {
                return Some(encoder);
            }
        }
        None
    }

    /// A job went well with it.
    pub(crate) async fn worked(&self, encoder: HardwareEncoder) {
        if let Some(standing) = self.shared.standings.get(&encoder) {
            standing.lock().await.worked();
        }
    }

    /// A job failed with it that went well without it.
    pub(crate) async fn failed(&self, encoder: HardwareEncoder, why: &str) {
        let Some(standing) = self.shared.standings.get(&encoder) else { return };
        if standing.lock().await.failed(why, Instant::now()) {
            tracing::warn!("{} is left alone for a while: {why}", encoder.name());
        }
    }

    /// Tries an encoder if that is due.
    async fn ask(&self, encoder: HardwareEncoder, standing: &mut Standing) {
        if !standing.wants_trial(Instant::now()) {
            return;
        }
        let device = self.shared.device.as_deref();
        let args = trial(Hardware { encoder, device, hurry: false });
        let spec = Spec { env: variables(), ..Spec::new(&self.shared.ffmpeg, args, TRIAL) };
        let tried = process::run(spec, WORDS).await.map(|_| ()).map_err(|failure| {
            let stderr = failure.stderr_tail();
            tracing::debug!(error = %failure, stderr, "{} was tried", encoder.name());
            why(&failure)
        });
        standing.tried(tried, Instant::now());
    }
}

/// What a driver may need of the environment.
pub(crate) fn variables() -> Vec<(OsString, OsString)> {
    VARIABLES.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?))).collect()
}
