//! The sound track: silence with a click at each full second.
//!
//! A click is 40 ms of a sine whose frequency tells the second modulo 16, so that sound which is
//! late by whole seconds is not taken for sound in time.

use std::io::{self, Write};

pub(super) const SAMPLE_RATE: u32 = 48_000;
pub(super) const SECONDS_TOLD_APART: u32 = 16;

const LOWEST_HZ: f64 = 500.0;
const STEP_HZ: f64 = 100.0;
const CLICK_SAMPLES: u32 = SAMPLE_RATE / 25;
const AMPLITUDE: f64 = 20_000.0;

/// Writes `samples` samples of stereo, 16 bits, little endian.
pub(super) fn write_samples(samples: u64, out: &mut dyn Write) -> io::Result<()> {
    for sample in 0..samples {
        let second = (sample / u64::from(SAMPLE_RATE)) as u32;
        let within = (sample % u64::from(SAMPLE_RATE)) as u32;
        let value = if within < CLICK_SAMPLES {
            let turns = frequency(second) * f64::from(within) / f64::from(SAMPLE_RATE);
            ((turns * std::f64::consts::TAU).sin() * AMPLITUDE) as i16
        } else {
            0
        };
        let [low, high] = value.to_le_bytes();
        out.write_all(&[low, high, low, high])?;
    }
    Ok(())
}

fn frequency(second: u32) -> f64 {
    LOWEST_HZ + STEP_HZ * f64::from(second % SECONDS_TOLD_APART)
}

/// The second modulo 16 whose click sounds nearest to `hertz`.
pub(super) fn second_of(hertz: f64) -> u32 {
    let step = ((hertz - LOWEST_HZ) / STEP_HZ).round();
    (step.max(0.0) as u32).min(SECONDS_TOLD_APART - 1)
}
