//! Turns a description into files: raw frames and samples in, ffmpeg's encoders out.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use super::clip::{AudioCodec, Clip, Packaging, Structure, VideoCodec};
use super::sound::{SAMPLE_RATE, write_samples};
use super::{MediaError, manifest, picture, tree};
use crate::tool;

const DEADLINE: Duration = Duration::from_secs(600);
const SAMPLES: &str = "samples.raw";

/// Makes `clip` as `name` in `folder`, which holds nothing else afterwards but its segments.
pub(super) fn make(clip: &Clip, folder: &Path, name: &str) -> Result<(), MediaError> {
    let samples = folder.join(SAMPLES);
    if clip.audio.is_some() {
        let count = (clip.seconds() * f64::from(SAMPLE_RATE)).round() as u64;
        let mut out = BufWriter::new(File::create(&samples)?);
        write_samples(count, &mut out)?;
        out.flush()?;
    }
    let output = folder.join(name);
    let args = arguments(clip, &samples, &output);
    let feed = |out: &mut dyn Write| match clip.video {
        Some(_) => picture::write_frames(clip, out),
        None => Ok(()),
    };
    tool::run_fed("ffmpeg", &args, feed, DEADLINE)?;
    if clip.audio.is_some() {
        std::fs::remove_file(&samples)?;
    }
    match clip.packaging {
        Packaging::LateEdit => begin_late(&output, &folder.join(format!("late-{name}")))?,
        Packaging::FragmentedTree => tree::plant(&output)?,
        Packaging::DashBase => manifest::name_indexes(&output)?,
        _ => {}
    }
    if clip.rotated {
        mark_rotated(&output, &folder.join(format!("turned-{name}")))?;
    }
    Ok(())
}

/// ffmpeg's whole command line, without the program.
fn arguments(clip: &Clip, samples: &Path, output: &Path) -> Vec<String> {
    let mut args = words("-hide_banner -nostdin -v error -y");
    if clip.video.is_some() {
        let format = if clip.ten_bit { "yuv420p10le" } else { "yuv420p" };
        let Clip { width, height, rate, .. } = clip;
        args.extend(words(&format!(
            "-f rawvideo -pix_fmt {format} -s {width}x{height} -r {}/{} -i pipe:0",
            rate.frames, rate.seconds
        )));
    }
    if clip.audio.is_some() {
        args.extend(words(&format!("-f s16le -ar {SAMPLE_RATE} -ac 2 -i")));
        args.push(samples.display().to_string());
    }
    if let Some(codec) = clip.video {
        args.extend(words(&video(codec, clip)));
        args.extend(filters(clip));
    }
    if let Some(codec) = clip.audio {
        args.extend(words(audio(codec)));
        args.extend(["-ar".to_owned(), clip.sample_rate.to_string()]);
    }
    if clip.audio.is_some() && clip.video.is_some() {
        args.extend(words("-map 0:v"));
        (0..clip.sounds).for_each(|_| args.extend(words("-map 1:a")));
    }
    args.extend(packaging(clip.packaging, output));
    args.push(output.display().to_string());
    args
}

/// Fast settings: the files are for reading back, not for looking at.
fn video(codec: VideoCodec, clip: &Clip) -> String {
    let Clip { gop, b_frames, ten_bit, structure, .. } = clip;
    let bframes = if *b_frames == 0 { String::new() } else { format!("-bf {b_frames}") };
    match codec {
        VideoCodec::H264 => format!(
            "-c:v libx264 -preset superfast -crf 26 -g {gop} -keyint_min {gop} -bf {b_frames} {}",
            x264(*structure, clip.packaging)
        ),
        VideoCodec::Hevc => {
            let open = u8::from(*structure == Structure::Open);
            let (pyramid, b_frames) = match structure {
                Structure::Pyramid => (":b-pyramid=1:ref=5:rc-lookahead=20", 8),
                Structure::Intra => ("", 0),
                _ => ("", *b_frames),
            };
            format!(
                "-c:v libx265 -preset ultrafast -crf 30 -tag:v hvc1 -x265-params \
                 log-level=error:keyint={gop}:min-keyint={gop}:scenecut=0:bframes={b_frames}:\
                 b-adapt=0:open-gop={open}{pyramid}"
            )
        }
        VideoCodec::Vp9 => format!(
            "-c:v libvpx-vp9 {} -row-mt 1 -b:v 0 -crf 42 -g {gop} -keyint_min {gop}{}",
            match structure {
                Structure::Pyramid => {
                    "-deadline good -cpu-used 6 -auto-alt-ref 1 -lag-in-frames 16"
                }
                _ => "-deadline realtime -cpu-used 8",
            },
            if *ten_bit { " -profile:v 2" } else { "" }
        ),
        VideoCodec::Av1 => format!("-c:v libsvtav1 -preset 12 -crf 45 -g {gop}"),
        VideoCodec::Ffv1 => "-c:v ffv1 -level 3 -g 1".to_owned(),
        VideoCodec::Mpeg4 => format!("-c:v mpeg4 -q:v 5 -g {gop} {bframes}"),
        VideoCodec::Mpeg2 => "-c:v mpeg2video -q:v 5 -g 15 -bf 2".to_owned(),
        VideoCodec::Flv1 => format!("-c:v flv -q:v 5 -g {gop}"),
        VideoCodec::Wmv2 => format!("-c:v wmv2 -q:v 5 -g {gop}"),
    }
}

fn x264(structure: Structure, packaging: Packaging) -> &'static str {
    match structure {
        // Left to the muxer, segments would have no parameter sets: it adds them to IDR pictures.
        Structure::Open if packaging == Packaging::HlsTs => {
            "-x264-params scenecut=0:b-adapt=0:open-gop=1:repeat-headers=1"
        }
        Structure::Closed => "-x264-params scenecut=0:b-adapt=0:open-gop=0",
        Structure::Open => "-x264-params scenecut=0:b-adapt=0:open-gop=1",
        Structure::Pyramid => {
            "-x264-params scenecut=0:b-adapt=0:open-gop=0:bframes=8:b-pyramid=normal:ref=5"
        }
        Structure::Baseline => "-profile:v baseline -x264-params scenecut=0",
        Structure::Intra => "-x264-params keyint=1",
        Structure::Interlaced => {
            "-flags +ilme+ildct -x264-params scenecut=0:b-adapt=0:open-gop=0:interlaced=1:tff=1"
        }
    }
}

fn audio(codec: AudioCodec) -> &'static str {
    match codec {
        AudioCodec::Aac => "-c:a aac -b:a 128k",
        AudioCodec::Opus => "-c:a libopus -b:a 96k",
        AudioCodec::Mp3 => "-c:a libmp3lame -b:a 128k",
        AudioCodec::Mp2 => "-c:a mp2 -b:a 192k",
        AudioCodec::Wmav2 => "-c:a wmav2 -b:a 128k",
        AudioCodec::Flac => "-c:a flac",
    }
}

fn filters(clip: &Clip) -> Vec<String> {
    let mut filters = Vec::new();
    if clip.variable_rate {
        let missing = "eq(mod(n,10),3)+eq(mod(n,10),4)+eq(mod(n,10),7)";
        filters.push(format!("select='not({missing})'"));
    }
    if clip.rotated {
        filters.push("transpose=cclock".to_owned());
    }
    if filters.is_empty() {
        return Vec::new();
    }
    let mut args = vec!["-vf".to_owned(), filters.join(",")];
    if clip.variable_rate {
        args.extend(words("-fps_mode vfr"));
    }
    args
}

fn packaging(packaging: Packaging, output: &Path) -> Vec<String> {
    match packaging {
        Packaging::File("mp4" | "m4v" | "m4a" | "mov") => words("-movflags +faststart"),
        Packaging::File("webm") => words("-cues_to_front 1"),
        Packaging::File(_) => Vec::new(),
        Packaging::FragmentedMp4 => {
            words("-movflags +frag_keyframe+delay_moov+dash+global_sidx -f mp4")
        }
        Packaging::IndexAtEnd | Packaging::LateEdit => Vec::new(),
        Packaging::FragmentedWithoutIndex => {
            words("-movflags +frag_keyframe+delay_moov+default_base_moof -f mp4")
        }
        Packaging::FragmentedTree => words("-movflags +frag_keyframe+delay_moov+dash -f mp4"),
        Packaging::HlsTs => hls("mpegts", "ts", output),
        Packaging::HlsFmp4 => hls("fmp4", "m4s", output),
        Packaging::HlsRanges => words(
            "-f hls -hls_time 4 -hls_playlist_type vod -hls_segment_type fmp4 \
             -hls_flags single_file",
        ),
        Packaging::DashTemplate => dash("-use_template 1 -use_timeline 1"),
        Packaging::DashList => dash("-single_file 1 -use_template 0"),
        Packaging::DashBase => dash("-single_file 1 -use_template 0 -global_sidx 1"),
    }
}

fn hls(kind: &str, extension: &str, output: &Path) -> Vec<String> {
    let mut args = words(&format!(
        "-f hls -hls_time 4 -hls_playlist_type vod -hls_segment_type {kind} -hls_segment_filename"
    ));
    args.push(output.with_file_name(format!("segment%03d.{extension}")).display().to_string());
    args
}

fn dash(how: &str) -> Vec<String> {
    words(&format!("-f dash -seg_duration 4 {how}"))
}

/// Moves picture and sound by half a second; ffmpeg writes that as empty edits.
fn begin_late(file: &Path, late: &Path) -> Result<(), MediaError> {
    let (from, to) = (file.display(), late.display());
    let command = format!(
        "-hide_banner -nostdin -v error -y -itsoffset 0.5 -i {from} -map 0 -c copy \
         -movflags +faststart {to}"
    );
    tool::run("ffmpeg", words(&command))?;
    std::fs::rename(late, file)?;
    Ok(())
}

/// Adds the display matrix that turns the picture 90 degrees clockwise. ffmpeg 6 has an
/// option for it, ffmpeg 5 a metadata key that counts the other way round.
fn mark_rotated(file: &Path, turned: &Path) -> Result<(), MediaError> {
    let (file_text, turned_text) = (file.display(), turned.display());
    let start = "-hide_banner -nostdin -v error -y";
    let newer = format!("{start} -display_rotation:v:0 -90 -i {file_text} -c copy {turned_text}");
    let older = format!("{start} -i {file_text} -c copy -metadata:s:v:0 rotate=270 {turned_text}");
    tool::run("ffmpeg", words(&newer)).or_else(|_| tool::run("ffmpeg", words(&older)))?;
    std::fs::rename(turned, file)?;
    Ok(())
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
