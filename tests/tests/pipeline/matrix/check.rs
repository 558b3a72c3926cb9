//! What has to be true of every cut.

use std::path::Path;

use clipmill_tests::media::{
    AudioCodec, Click, Clip, Frame, FrameReader, Rate, audio_clicks, audio_clicks_without_edits,
    frame_hashes, offsets, probe, read_frames,
};
use clipmill_tests::tool;
use serde_json::Value;

use super::COPIES;
use super::position::Position;
use super::table::Row;

/// How exact a click's time is, in seconds.
const MEASURING: f64 = 0.003;
/// What a click near the first or the last frame may lose its beginning by, in seconds.
const EDGE: f64 = 0.1;

/// Looks at a result; answers which part of its frames is that of the source, bit for bit.
pub fn check(row: &Row, position: Position, made: &Path) -> Result<f64, String> {
    let (start, end) = position.span(&row.clip);
    let wanted = row.clip.frames_between(start, end);
    let frames = read_frames(made).map_err(|error| error.to_string())?;
    frames_are(&frames, &wanted, row)?;
    let is_mp4 = made.extension().is_some_and(|extension| extension == "mp4");
    if is_mp4 {
        let bare = FrameReader::new(made).ignore_edit_lists().read();
        let bare = bare.map_err(|error| error.to_string())?;
        if bare != frames {
            return Err(format!("an edit list moves the picture: {:?}", bare.first()));
        }
        faststart(made)?;
    }
    if row.clip.audio.is_some() {
        in_sync(row, &frames, made, is_mp4)?;
    }
    clean(made)?;
    facts(row, wanted.len(), made, is_mp4)?;
    share(row, position, &wanted, made)
}

fn frames_are(frames: &[Frame], wanted: &[u32], row: &Row) -> Result<(), String> {
    let numbers: Vec<u32> = frames.iter().map(|frame| frame.number).collect();
    if numbers != wanted {
        return Err(format!("frames {numbers:?} instead of {wanted:?}"));
    }
    let (rate, first) = (row.clip.rate, wanted[0]);
    let late = |frame: &&Frame| {
        let due = rate.time_of(frame.number) - rate.time_of(first);
        (frame.pts - due).abs() > row.tolerance()
    };
    match frames.iter().find(late) {
        Some(frame) => Err(format!("{frame:?} is not at its time; the first is {:?}", frames[0])),
        None if frames[0].pts != 0.0 => Err(format!("begins with {:?}", frames[0])),
        None => Ok(()),
    }
}

/// Half a frame of sound apart at most, whether edit lists count or not.
fn in_sync(row: &Row, frames: &[Frame], made: &Path, is_mp4: bool) -> Result<(), String> {
    let Clip { rate, sample_rate, .. } = row.clip;
    let half = match row.clip.audio {
        Some(AudioCodec::Opus) => 0.010,
        _ => 512.0 / f64::from(sample_rate),
    };
    // What is encoded anew begins with the encoder's own frame, which only an edit list hides.
    let copied = COPIES && row.copied.is_some();
    let bare_half = if copied { half } else { 3.0 * half };
    let judge = |players: &str, clicks: Vec<Click>, most: f64| {
        let last = frames.last().map_or(0.0, |frame| frame.pts);
        let inner = |click: &&Click| click.at > EDGE && click.at < last - EDGE;
        let inner: Vec<Click> = clicks.iter().filter(inner).copied().collect();
        if inner.is_empty() && has_click(frames, rate) {
            return Err(format!("{players} hear no click"));
        }
        let off = offsets(frames, &inner, rate);
        match off.iter().all(|off| off.abs() <= most + MEASURING) {
            true => Ok(()),
            false => Err(format!("{players} hear sound late by {off:.4?} s")),
        }
    };
    let error = |error: clipmill_tests::media::MediaError| error.to_string();
    judge("players", audio_clicks(made).map_err(error)?, half)?;
    if is_mp4 {
        let clicks = audio_clicks_without_edits(made).map_err(error)?;
        judge("players that ignore edit lists", clicks, bare_half)?;
    }
    Ok(())
}

/// Whether a whole second is well within these frames.
fn has_click(frames: &[Frame], rate: Rate) -> bool {
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else { return false };
    let from = rate.time_of(first.number) + EDGE;
    from.ceil() + EDGE < rate.time_of(last.number)
}

/// Decodes everything, to whom any fault is fatal.
fn clean(made: &Path) -> Result<(), String> {
    let file = made.display().to_string();
    let args = ["-v", "error", "-xerror", "-nostdin", "-i", &file, "-f", "null", "-"];
    let output = tool::run("ffmpeg", args).map_err(|error| error.to_string())?;
    match output.stderr.is_empty() {
        true => Ok(()),
        false => Err(format!("the decoder says: {}", output.stderr)),
    }
}

/// What ffprobe tells of it is what it is.
fn facts(row: &Row, count: usize, made: &Path, is_mp4: bool) -> Result<(), String> {
    let probed = probe(made).map_err(|error| error.to_string())?;
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok());
    let format = &probed["format"];
    let begin = number(&format["start_time"]).ok_or("no start_time")?;
    // In WebM, the lead-in of Opus is before 0.
    let earliest = if is_mp4 { 0.0 } else { -0.03 };
    if !(earliest..=0.0).contains(&begin) {
        return Err(format!("start_time is {begin}"));
    }
    let length = row.clip.rate.time_of(count as u32);
    let told = number(&format["duration"]).ok_or("no duration")?;
    // A frame of sound may stand over at each end, and a frame of picture is rounded.
    if !row.clip.variable_rate && (told - length).abs() > 0.06 {
        return Err(format!("the duration is {told} s instead of {length} s"));
    }
    let streams = probed["streams"].as_array().ok_or("no streams")?;
    let video = streams.iter().find(|stream| stream["codec_type"] == "video").ok_or("no video")?;
    if count < 10 || row.clip.variable_rate {
        return Ok(());
    }
    let right = f64::from(row.clip.rate.frames) / f64::from(row.clip.rate.seconds);
    let rounds = row.tolerance() > 1e-3;
    for (name, most) in
        [("r_frame_rate", 1e-3), ("avg_frame_rate", if rounds { 0.02 } else { 1e-3 })]
    {
        let told = video[name].as_str().unwrap_or_default();
        let value = told.split_once('/').and_then(|(upper, lower)| {
            Some(upper.parse::<f64>().ok()? / lower.parse::<f64>().ok()?)
        });
        if value.is_none_or(|value| (value / right - 1.0).abs() > most) {
            return Err(format!("{name} is {told} instead of {right:.3}"));
        }
    }
    Ok(())
}

/// The index comes before the samples.
fn faststart(made: &Path) -> Result<(), String> {
    let bytes = std::fs::read(made).map_err(|error| error.to_string())?;
    let (mut at, mut kinds) = (0, Vec::new());
    while let Some(head) = bytes.get(at..at + 8) {
        let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        kinds.push(String::from_utf8_lossy(&head[4..]).into_owned());
        at += size.max(8);
    }
    let place = |kind: &str| kinds.iter().position(|known| known == kind);
    match (place("moov"), place("mdat")) {
        (Some(index), Some(samples)) if index < samples => Ok(()),
        _ => Err(format!("its boxes are {kinds:?}")),
    }
}

/// The part of all frames that looks like the source's, bit for bit.
fn share(row: &Row, position: Position, wanted: &[u32], made: &Path) -> Result<f64, String> {
    let error = |error: clipmill_tests::media::MediaError| error.to_string();
    let source = frame_hashes(row.clip.file()).map_err(error)?;
    let ours = frame_hashes(made).map_err(error)?;
    let numbers = row.clip.frames_between(0.0, row.clip.seconds());
    let of_source = |number: &u32| {
        let place = numbers.iter().position(|known| known == number)?;
        source.get(place)
    };
    let same = wanted.iter().zip(&ours).filter(|(number, hash)| of_source(number) == Some(hash));
    let share = same.count() as f64 / wanted.len() as f64;
    if let Some(reordered) = row.copied.filter(|_| COPIES) {
        let least = position.copies(&row.clip, reordered);
        if share < least {
            return Err(format!("{share:.3} of the frames are copies instead of {least:.3}"));
        }
    }
    Ok(share)
}
