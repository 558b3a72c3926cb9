//! What ffprobe reports of an input: the methods of [`Tools`] that run it for one
//! file.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clipmill_core::probe::{AudioStream, Container, Probe, Rational, VideoStream};
use clipmill_core::process::{self, Failure, Spec};
use clipmill_core::{Code, Error};
use serde::Deserialize;

use super::input::Input;
use super::tools::Tools;

/// Longest time for probing one file.
const DEADLINE: Duration = Duration::from_secs(60);
/// Most bytes of ffprobe's output.
const MAX_OUTPUT: usize = 4 * 1024 * 1024;
/// Longest side of a frame in pixels.
const LONGEST_SIDE: u32 = 16384;

impl Tools {
    /// Reads what a local file holds. The demuxer is chosen by content among those
    /// that can't refer to other files; there is no network.
    ///
    /// # Errors
    /// `no_video` when there is no video stream, `not_media` when nothing can be
    /// read.
    pub async fn probe(&self, path: &Path) -> Result<Probe, Error> {
        let probe = self.probe_input(&Input::file(path).await?).await?;
        if probe.video.is_none() {
            return Err(no_video("file"));
        }
        Ok(probe)
    }

    /// Reads what an input holds, which may be audio alone.
    ///
    /// # Errors
    /// `not_media` when nothing can be read.
    pub(crate) async fn probe_input(&self, input: &Input) -> Result<Probe, Error> {
        let mut args: Vec<OsString> = ["-hide_banner", "-v", "error"].map(OsString::from).into();
        args.extend(input.guards());
        args.extend(["-show_format", "-show_streams", "-of", "json", "-i"].map(OsString::from));
        args.push(input.address());
        let spec = Spec::new(&self.ffprobe, args, DEADLINE);
        let output = process::run(spec, MAX_OUTPUT).await.map_err(refused)?;
        let report: FfprobeReport = serde_json::from_slice(&output.stdout).map_err(|error| {
            tracing::warn!(%error, "ffprobe's output can't be read");
            unreadable().caused_by(error)
        })?;
        report.into_probe(input.demuxer.container(&input.head))
    }
}

/// The `file`, `source` or `stream` has nothing that can be cut or encoded.
pub(crate) fn no_video(holder: &str) -> Error {
    Error::never(Code::NoVideo, format!("the {holder} has no video stream"))
}

fn unreadable() -> Error {
    Error::never(Code::NotMedia, "the file is damaged or not a video")
}

fn refused(failure: Failure) -> Error {
    tracing::info!(error = %failure, stderr = failure.stderr_tail(), "ffprobe failed");
    let error = match failure {
        Failure::NotFound(_) | Failure::Spawn { .. } => {
            Error::later(Code::ToolMissing, "ffprobe can't be started on this server")
        }
        Failure::Timeout { .. } | Failure::Silent { .. } => {
            Error::later(Code::StageTimeout, "looking at the file took too long")
        }
        Failure::Exit { .. } | Failure::OutputTooLarge { .. } => unreadable(),
        Failure::Io(_) => Error::later(Code::Internal, "ffprobe's answer could not be read"),
    };
    error.caused_by(failure)
}

#[derive(Deserialize)]
struct FfprobeReport {
    #[serde(default)]
    streams: Vec<FfprobeStream>,
    format: Option<FfprobeFormat>,
}

#[derive(Deserialize, Default)]
struct FfprobeFormat {
    #[serde(default)]
    format_name: String,
    start_time: Option<String>,
    duration: Option<String>,
    size: Option<String>,
}

#[derive(Deserialize)]
struct FfprobeStream {
    index: u32,
    codec_type: Option<String>,
    codec_name: Option<String>,
    #[serde(default)]
    codec_tag_string: String,
    width: Option<u32>,
    height: Option<u32>,
    pix_fmt: Option<String>,
    avg_frame_rate: Option<String>,
    r_frame_rate: Option<String>,
    time_base: Option<String>,
    start_time: Option<String>,
    field_order: Option<String>,
    color_range: Option<String>,
    color_space: Option<String>,
    color_transfer: Option<String>,
    color_primaries: Option<String>,
    sample_rate: Option<String>,
    channels: Option<u32>,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Deserialize, Default)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<f64>,
}

impl FfprobeReport {
    fn into_probe(self, container: Container) -> Result<Probe, Error> {
        let format = self.format.unwrap_or_default();
        let number = |text: Option<String>| text?.parse::<f64>().ok().filter(|n| n.is_finite());
        let kind =
            |stream: &FfprobeStream, wanted: &str| stream.codec_type.as_deref() == Some(wanted);
        let video = self
            .streams
            .iter()
            .filter(|stream| kind(stream, "video") && stream.disposition.attached_pic == 0)
            .find_map(FfprobeStream::video);
        let audio: Vec<AudioStream> = self
            .streams
            .iter()
            .filter(|stream| kind(stream, "audio"))
            .filter_map(FfprobeStream::audio)
            .collect();
        if video.is_none() && audio.is_empty() {
            return Err(unreadable());
        }
        let first_timestamp = number(format.start_time).unwrap_or(0.0);
        let starts = self.streams.iter().filter(|stream| stream.is_presented());
        let starts = starts.filter_map(|stream| number(stream.start_time.clone()));
        Ok(Probe {
            container,
            format_name: format.format_name,
            start: starts.reduce(f64::min).unwrap_or(first_timestamp),
            first_timestamp,
            duration: number(format.duration).filter(|seconds| *seconds > 0.0),
            size: format.size.and_then(|size| size.parse().ok()).unwrap_or(0),
            video,
            audio,
        })
    }
}

impl FfprobeStream {
    /// Whether it is a picture or a sound that a player presents by its time.
    fn is_presented(&self) -> bool {
        let is_media = matches!(self.codec_type.as_deref(), Some("video" | "audio"));
        is_media && self.disposition.attached_pic == 0
    }

    /// None for video that can't be decoded or has no sensible size.
    fn video(&self) -> Option<VideoStream> {
        let side = |pixels: Option<u32>| pixels.filter(|n| (1..=LONGEST_SIDE).contains(n));
        let named = |text: &Option<String>| text.clone().filter(|name| name != "unknown");
        Some(VideoStream {
            index: self.index,
            codec: self.codec_name.clone()?,
            width: side(self.width)?,
            height: side(self.height)?,
            pixel_format: self.pix_fmt.clone()?,
            average_rate: rational(&self.avg_frame_rate),
            base_rate: rational(&self.r_frame_rate),
            time_base: rational(&self.time_base)?,
            rotation: self.rotation(),
            start: self.start_time.as_ref().and_then(|start| start.parse().ok()),
            interlaced: matches!(self.field_order.as_deref(), Some("tt" | "bb" | "tb" | "bt")),
            color: [
                named(&self.color_range),
                named(&self.color_space),
                named(&self.color_transfer),
                named(&self.color_primaries),
            ],
        })
    }

    /// ffprobe counts counter-clockwise; odd angles go to the nearest quarter.
    fn rotation(&self) -> u16 {
        let degrees = self.side_data_list.iter().find_map(|data| data.rotation).unwrap_or(0.0);
        let quarters = (-degrees / 90.0).round().rem_euclid(4.0);
        // Within 0..4, so the cast is exact.
        quarters as u16 * 90
    }

    fn audio(&self) -> Option<AudioStream> {
        Some(AudioStream {
            index: self.index,
            codec: self.codec_name.clone()?,
            sample_rate: self.sample_rate.as_ref()?.parse().ok().filter(|rate| *rate > 0)?,
            channels: self.channels.filter(|channels| *channels > 0)?,
            tag: self.codec_tag_string.clone(),
        })
    }
}

fn rational(text: &Option<String>) -> Option<Rational> {
    let (num, den) = text.as_ref()?.split_once('/')?;
    let (num, den) = (num.parse().ok()?, den.parse().ok()?);
    (num > 0 && den > 0).then_some(Rational { num, den })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn skips_covers_and_turns_rotation() {
        let text = r#"{"streams":[
            {"index":0,"codec_type":"video","codec_name":"mjpeg","width":600,"height":600,
             "pix_fmt":"yuvj420p","time_base":"1/90000","disposition":{"attached_pic":1}},
            {"index":1,"codec_type":"video","codec_name":"h264","width":1920,"height":1080,
             "pix_fmt":"yuv420p","time_base":"1/600","avg_frame_rate":"30000/1001",
             "r_frame_rate":"0/0","color_space":"unknown","color_range":"tv",
             "side_data_list":[{"side_data_type":"Display Matrix","rotation":-90}]},
            {"index":2,"codec_type":"data","start_time":"0.010000"},
            {"index":3,"codec_type":"audio","codec_name":"aac","sample_rate":"44100","channels":2,
             "start_time":"0.080000"}],
            "format":{"format_name":"mov","start_time":"0.010000","duration":"N/A","size":"12"}}"#;
        let report: FfprobeReport = serde_json::from_str(text).unwrap();
        let probe = report.into_probe(Container::Mp4).unwrap();
        let video = probe.video.unwrap();
        assert_eq!((video.index, video.rotation), (1, 90));
        assert_eq!(video.average_rate, Some(Rational { num: 30000, den: 1001 }));
        assert_eq!((video.base_rate, probe.duration), (None, None));
        assert_eq!((probe.start, probe.first_timestamp), (0.08, 0.01));
        assert_eq!(video.color, [Some("tv".to_owned()), None, None, None]);
        assert_eq!(probe.audio[0].sample_rate, 44100);
    }

    #[test]
    fn a_file_without_streams_is_no_media() {
        let report: FfprobeReport = serde_json::from_str(r#"{"streams":[],"format":{}}"#).unwrap();
        assert_eq!(report.into_probe(Container::Other).unwrap_err().code, Code::NotMedia);
    }
}
