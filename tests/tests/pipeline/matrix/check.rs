//! What has to be true of every cut.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use clipmill_tests::media::{
    AudioCodec, Click, Clip, Frame, FrameReader, Packaging, Rate, audio_clicks,
    audio_clicks_without_edits, frame_hashes, offsets, probe, read_frames,
};
use clipmill_tests::tool;
use serde_json::Value;

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
    let ours = clean(made)?;
    facts(row, wanted.len(), made, is_mp4)?;
    share(row, position, &wanted, &ours)
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
        judge("players that ignore edit lists", clicks, half)?;
    }
    Ok(())
}

/// Whether a whole second is well within these frames.
fn has_click(frames: &[Frame], rate: Rate) -> bool {
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else { return false };
    let from = rate.time_of(first.number) + EDGE;
    from.ceil() + EDGE < rate.time_of(last.number)
}

/// Decodes everything, to whom any fault is fatal; answers a hash of each picture.
fn clean(made: &Path) -> Result<Vec<String>, String> {
    let file = made.display().to_string();
    let args = ["-v", "error", "-xerror", "-nostdin", "-i", &file, "-map", "0:v:0"];
    let picture = ["-fps_mode", "passthrough", "-f", "framemd5", "-"];
    let sound = ["-map", "0:a?", "-f", "null", "-"];
    let output = tool::run("ffmpeg", args.iter().chain(&picture).chain(&sound));
    let output = output.map_err(|error| error.to_string())?;
    if !output.stderr.is_empty() {
        return Err(format!("the decoder says: {}", output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let hash = |line: &str| line.rsplit(',').next().unwrap_or_default().trim().to_owned();
    Ok(text.lines().filter(|line| !line.starts_with('#')).map(hash).collect())
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
fn share(row: &Row, position: Position, wanted: &[u32], ours: &[String]) -> Result<f64, String> {
    let source = of_source(&row.clip)?;
    let numbers = row.clip.frames_between(0.0, row.clip.seconds());
    let same = |(number, hash): &(&u32, &String)| {
        let place = numbers.iter().position(|known| known == *number);
        place.and_then(|place| source.get(place)) == Some(*hash)
    };
    let same = wanted.iter().zip(ours).filter(same);
    let share = same.count() as f64 / wanted.len() as f64;
    if let Some(reordered) = row.copied {
        let least = position.copies(&row.clip, reordered);
        if share < least {
            return Err(format!("{share:.3} of the frames are copies instead of {least:.3}"));
        }
    }
    Ok(share)
}

/// A hash of each picture of a source, which is decoded once for all of its cuts.
fn of_source(clip: &Clip) -> Result<Arc<Vec<String>>, String> {
    static KNOWN: LazyLock<Mutex<HashMap<Clip, Arc<Vec<String>>>>> = LazyLock::new(Mutex::default);
    if let Some(known) = KNOWN.lock().unwrap().get(clip) {
        return Ok(Arc::clone(known));
    }
    // Some of what is packed otherwise ffmpeg can't read; the frames are the same.
    let plain = match clip.packaging {
        Packaging::File(_) => clip.clone(),
        _ => Clip { packaging: Packaging::File("mp4"), ..clip.clone() },
    };
    let hashes = Arc::new(frame_hashes(plain.file()).map_err(|error| error.to_string())?);
    KNOWN.lock().unwrap().insert(clip.clone(), Arc::clone(&hashes));
    Ok(hashes)
}
