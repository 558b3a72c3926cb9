//! Finds the clicks in a sound track, and how far sound is from picture.

use std::path::Path;

use super::clip::Rate;
use super::frames::{Frame, read_frames};
use super::sound::{SAMPLE_RATE, SECONDS_TOLD_APART, second_of};
use super::{MediaError, probe};
use crate::tool;

/// One click.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Click {
    /// When it begins, in seconds, as the file says.
    pub at: f64,
    /// The second of the original that it marks, modulo 16.
    pub second: u32,
}

/// A part of the loudest sample, above which a click begins.
const THRESHOLD: f32 = 0.25;
/// Silence before a click, so that one click is not found twice.
const SILENCE: usize = SAMPLE_RATE as usize / 20;
/// What is measured for the frequency: 30 ms, after the first 2 ms.
const MEASURED: std::ops::Range<usize> =
    SAMPLE_RATE as usize / 500..SAMPLE_RATE as usize * 32 / 1000;

/// The clicks in the first sound track of `file`, in order. One that is cut off before it could
/// be measured is left out.
///
/// # Errors
/// When the file has no sound track or can't be decoded.
pub fn audio_clicks(file: impl AsRef<Path>) -> Result<Vec<Click>, MediaError> {
    read_clicks(file.as_ref(), &[])
}

/// The same as the players hear it that ignore the edit lists of an MP4.
///
/// # Errors
/// As [`audio_clicks`].
pub fn audio_clicks_without_edits(file: impl AsRef<Path>) -> Result<Vec<Click>, MediaError> {
    read_clicks(file.as_ref(), &["-ignore_editlist", "1"])
}

fn read_clicks(file: &Path, input: &[&str]) -> Result<Vec<Click>, MediaError> {
    let file = file.display().to_string();
    // Silence fills gaps and what is before the first sample, so that a sample's place is its time.
    let filter = format!("aresample={SAMPLE_RATE}:async=1:min_hard_comp=0.002:first_pts=0");
    let mut args = vec!["-hide_banner", "-nostdin", "-v", "error", "-copyts"];
    args.extend(input);
    args.extend(["-i", &file, "-map", "0:a:0", "-af", &filter, "-ac", "1", "-f", "f32le", "-"]);
    let output = tool::run("ffmpeg", args)?;
    let samples: Vec<f32> = output
        .stdout
        .chunks_exact(4)
        .map(|sample| f32::from_le_bytes([sample[0], sample[1], sample[2], sample[3]]))
        .collect();
    Ok(find(&samples))
}

fn find(samples: &[f32]) -> Vec<Click> {
    let loudest = samples.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
    if loudest < 0.05 {
        return Vec::new();
    }
    let mut clicks = Vec::new();
    let mut quiet = SILENCE;
    for (place, sample) in samples.iter().enumerate() {
        if sample.abs() < loudest * THRESHOLD {
            quiet += 1;
            continue;
        }
        if quiet >= SILENCE
            && let Some(sound) = samples.get(place + MEASURED.start..place + MEASURED.end)
        {
            let at = place as f64 / f64::from(SAMPLE_RATE);
            clicks.push(Click { at, second: second_of(frequency(sound)) });
        }
        quiet = 0;
    }
    clicks
}

/// From the changes of sign.
fn frequency(sound: &[f32]) -> f64 {
    let changes = sound.windows(2).filter(|pair| (pair[0] < 0.0) != (pair[1] < 0.0)).count();
    changes as f64 / 2.0 / (sound.len() as f64 / f64::from(SAMPLE_RATE))
}

/// How late the sound is against the picture at each click, in seconds; negative is early. Right to
/// about 3 ms for sound that lost quality, and up to 8 s either way.
///
/// # Errors
/// When the file can't be read, has no frames or no clicks.
pub fn av_offsets(file: impl AsRef<Path>, rate: Rate) -> Result<Vec<f64>, MediaError> {
    let file = file.as_ref();
    let frames = read_frames(file)?;
    let clicks = audio_clicks(file)?;
    if frames.is_empty() || clicks.is_empty() {
        let (frames, clicks) = (frames.len(), clicks.len());
        let streams = probe::streams(file)?;
        let what = format!("{frames} frames and {clicks} clicks in {streams:?}");
        return Err(MediaError(format!("{}: {what}", file.display())));
    }
    Ok(offsets(&frames, &clicks, rate))
}

/// How late each click is against these frames, of which there is one at least, in seconds.
pub fn offsets(frames: &[Frame], clicks: &[Click], rate: Rate) -> Vec<f64> {
    // The picture's own shift, at its median, so that one odd frame does not decide.
    let mut shifts: Vec<f64> =
        frames.iter().map(|frame| frame.pts - rate.time_of(frame.number)).collect();
    shifts.sort_by(f64::total_cmp);
    let shift = shifts[shifts.len() / 2];
    let period = f64::from(SECONDS_TOLD_APART);
    let late = |click: &Click| {
        let difference = click.at - shift - f64::from(click.second);
        difference - (difference / period).round() * period
    };
    clicks.iter().map(late).collect()
}
