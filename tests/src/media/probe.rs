//! What ffprobe and ffmpeg say of a file: its streams, its length, the hashes of its frames.

use std::path::Path;

use serde_json::Value;

use super::MediaError;
use crate::tool;

/// ffprobe's `format` and `streams` of a file, as JSON.
///
/// # Errors
/// When it is no media file.
pub fn probe(file: impl AsRef<Path>) -> Result<Value, MediaError> {
    let file = file.as_ref().display().to_string();
    let args = ["-v", "error", "-of", "json", "-show_format", "-show_streams", &file];
    let output = tool::run("ffprobe", args)?;
    serde_json::from_slice(&output.stdout).map_err(|error| MediaError(error.to_string()))
}

/// The first stream of a kind: "video" or "audio".
///
/// # Errors
/// When there is none.
pub fn stream(file: impl AsRef<Path>, kind: &str) -> Result<Value, MediaError> {
    let file = file.as_ref();
    let found = probe(file)?["streams"]
        .as_array()
        .and_then(|streams| streams.iter().find(|stream| stream["codec_type"] == kind))
        .cloned();
    found.ok_or_else(|| MediaError(format!("{}: no {kind} stream", file.display())))
}

/// The codec names of all streams, in order.
///
/// # Errors
/// When it is no media file.
pub fn streams(file: impl AsRef<Path>) -> Result<Vec<String>, MediaError> {
    let probed = probe(file)?;
    let streams = probed["streams"].as_array().map(Vec::as_slice).unwrap_or_default();
    let name = |stream: &Value| stream["codec_name"].as_str().unwrap_or("unknown").to_owned();
    Ok(streams.iter().map(name).collect())
}

/// The file's length in seconds.
///
/// # Errors
/// When it is no media file or tells no length.
pub fn duration(file: impl AsRef<Path>) -> Result<f64, MediaError> {
    let file = file.as_ref();
    probe(file)?["format"]["duration"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| MediaError(format!("{}: no duration", file.display())))
}

/// A hash of each decoded frame's pixels, in the order of display. Equal lists mean equal pictures:
/// compare files of the same size and pixel format.
///
/// # Errors
/// When the file can't be decoded.
pub fn frame_hashes(file: impl AsRef<Path>) -> Result<Vec<String>, MediaError> {
    let file = file.as_ref().display().to_string();
    let mut args = vec!["-hide_banner", "-nostdin", "-v", "error", "-i", &file];
    args.extend(["-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-"]);
    let output = tool::run("ffmpeg", args)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let hash = |line: &str| line.rsplit(',').next().unwrap_or_default().trim().to_owned();
    Ok(text.lines().filter(|line| !line.starts_with('#')).map(hash).collect())
}
