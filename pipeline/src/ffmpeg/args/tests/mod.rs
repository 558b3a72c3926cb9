//! ffmpeg's arguments, word by word.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod hardware;

use std::ffi::OsString;

use clipmill_core::probe::{AudioStream, Container, Rational, VideoStream};
use clipmill_plugins::{
    AudioEncoder, AudioPlan, EncodePlan, FrameFormat, FramePlan, PcmFormat, Rate, VideoEncoder,
    VideoPlan,
};

use super::*;
use crate::ffmpeg::input::Input;

fn video(width: u32, pixel_format: &str) -> VideoStream {
    VideoStream {
        index: 1,
        codec: "h264".into(),
        width,
        height: 180,
        pixel_format: pixel_format.into(),
        average_rate: None,
        base_rate: None,
        time_base: Rational { num: 1, den: 15360 },
        rotation: 0,
        start: None,
        interlaced: false,
        color: [None, None, None, None],
    }
}

fn audio(channels: u32) -> AudioStream {
    AudioStream { index: 2, codec: "aac".into(), sample_rate: 48000, channels, tag: "mp4a".into() }
}

fn plan(encoder: VideoEncoder, rate: Rate, pixel_format: &str) -> EncodePlan {
    EncodePlan {
        container: Container::Mp4,
        video: VideoPlan {
            encoder,
            rate,
            pixel_format: pixel_format.into(),
            keyframe_interval: None,
            pad_to_even: true,
        },
        audio: AudioPlan { encoder: AudioEncoder::Aac, kilobits: 192 },
    }
}

/// Arguments of an encode as its plan says.
fn encode(job: &EncodeJob<'_>) -> Vec<OsString> {
    encode_args(job, HostOptions::default())
}

/// The arguments after the first ones, which all jobs have.
fn text(args: &[OsString]) -> String {
    const BEGIN: &str = "-nostdin -hide_banner -v error -nostats -progress pipe:1 \
                             -stats_period 0.5 ";
    let words: Vec<_> = args.iter().map(|word| word.to_str().unwrap()).collect();
    words.join(" ").strip_prefix(BEGIN).unwrap().to_owned()
}

fn file(name: &str) -> Input {
    Input::sniffed(name.as_ref(), b"\0\0\0\x20ftypisom").unwrap()
}

#[test]
fn an_exact_cut_of_video_and_audio_from_two_files() {
    let window = CutWindow {
        start_pts: 153_600,
        end_pts: Some(200_192),
        start_micros: 10_000_000,
        end_micros: 13_033_333,
        seek_micros: None,
    };
    let args = encode(&EncodeJob {
        plan: &plan(VideoEncoder::X264 { preset: 2 }, Rate::Crf(18), "yuv420p"),
        input: &file("/w/v.mp4"),
        video: &video(320, "yuv420p"),
        audio: AudioInput { file: Some(&file("/w/a.m4a")), streams: &[audio(2)] },
        window: Some(window),
        threads: 2,
        output: "/w/-odd name.mp4".as_ref(),
    });
    assert_eq!(
        text(&args),
        "-copyts -threads 2 -protocol_whitelist file -f mov -i file:/w/v.mp4 \
             -threads 2 -protocol_whitelist file -f mov -i file:/w/a.m4a \
             -map 0:1 -map 1:2 -map_metadata -1 -map_chapters -1 -sn -dn \
             -filter:v trim=start_pts=153600:end_pts=200192,setpts=PTS-(153600),format=yuv420p \
             -fps_mode passthrough -enc_time_base:v -1 \
             -c:v libx264 -preset veryfast -crf 18 -pix_fmt yuv420p \
             -c:a aac -b:a:0 192k -filter:a:0 atrim=start=10.000000:end=13.033333,\
             asetpts=PTS-(10.000000)/TB,aresample=async=1:min_hard_comp=0.01:first_pts=0 \
             -threads 2 -f mp4 -movflags +faststart+negative_cts_offsets -y \
             file:/w/-odd name.mp4"
    );
}

#[test]
fn an_upload_keeps_all_audio_and_is_padded_upright() {
    let turned = VideoStream { rotation: 90, ..video(321, "yuvj420p") };
    let args = encode(&EncodeJob {
        plan: &plan(VideoEncoder::X265 { preset: 5 }, Rate::Lossless, "yuv420p"),
        input: &file("/w/v.mov"),
        video: &turned,
        audio: AudioInput { file: None, streams: &[audio(1), audio(6)] },
        window: None,
        threads: 0,
        output: "/w/o.mp4".as_ref(),
    });
    assert_eq!(
        text(&args),
        "-protocol_whitelist file -f mov -i file:/w/v.mov -map 0:1 -map 0:2 -map 0:2 \
             -map_metadata -1 -map_chapters -1 -sn -dn \
             -filter:v pad=ceil(iw/2)*2:ceil(ih/2)*2:0:0,fillborders=right=0:bottom=1:mode=smear,\
             scale=in_range=full:out_range=full,format=yuv420p \
             -fps_mode passthrough -enc_time_base:v -1 \
             -c:v libx265 -preset medium -x265-params log-level=error:lossless=1 -tag:v hvc1 \
             -pix_fmt yuv420p -c:a aac -b:a:0 96k -b:a:1 512k \
             -filter:a:1 aformat=channel_layouts=3.0|4.0|5.0|5.1|7.1 \
             -f mp4 -movflags +faststart+negative_cts_offsets -y file:/w/o.mp4"
    );
}

#[test]
fn every_encoder_has_a_lossless_and_a_lossy_way() {
    let words = |encoder, rate| {
        let plan = plan(encoder, rate, "yuv420p10le");
        let source = video(320, "yuv420p10le");
        let input = file("/w/v.mp4");
        let audio = AudioInput { file: None, streams: &[] };
        let (window, threads, output) = (None, 3, "/w/o.mp4".as_ref());
        let job = EncodeJob {
            plan: &plan,
            input: &input,
            video: &source,
            audio,
            window,
            threads,
            output,
        };
        let all = text(&encode(&job));
        let from = all.find("-c:v ").unwrap() + 5;
        all[from..all.find(" -pix_fmt").unwrap()].to_owned()
    };
    let (lossless, lossy) = (Rate::Lossless, Rate::Crf(23));
    let x264 = VideoEncoder::X264 { preset: 5 };
    let x265 = VideoEncoder::X265 { preset: 0 };
    let svt = VideoEncoder::SvtAv1 { preset: 8 };
    let aom = VideoEncoder::Aom { cpu_used: 6 };
    let vp9 = |cpu_used| VideoEncoder::Vp9 { cpu_used };
    assert_eq!(words(x264, lossless), "libx264 -preset medium -qp 0");
    assert_eq!(
        words(x265, lossy),
        "libx265 -preset ultrafast -crf 23 -x265-params log-level=error:pools=3 -tag:v hvc1"
    );
    assert_eq!(words(svt, lossy), "libsvtav1 -preset 8 -crf 23");
    assert_eq!(words(aom, lossy), "libaom-av1 -cpu-used 6 -row-mt 1 -b:v 0 -crf 23");
    assert_eq!(
        words(aom, lossless),
        "libaom-av1 -cpu-used 6 -row-mt 1 -b:v 0 -crf 0 -aom-params lossless=1"
    );
    assert_eq!(
        words(vp9(8), lossy),
        "libvpx-vp9 -deadline realtime -cpu-used 8 -row-mt 1 -b:v 0 -crf 23"
    );
    assert_eq!(
        words(vp9(4), lossless),
        "libvpx-vp9 -deadline good -cpu-used 4 -row-mt 1 -b:v 0 -crf 0 -lossless 1"
    );
}

#[test]
fn a_copy_from_the_relay_may_use_http_and_nothing_else() {
    let address = "http://127.0.0.1:9/x".to_owned();
    let input = Input::loopback(address, b"\0\0\0\x20ftypisom").unwrap();
    let args = copy_args(&StreamCopy {
        input: &input,
        streams: &[0, 1],
        from: 11.3,
        duration: 6.7,
        container: WorkContainer::Mp4 { timescale: 15360, has_aac: true },
        output: "/w/video.mp4".as_ref(),
    });
    assert_eq!(
        text(&args),
        "-copyts -ss 11.300000 -t 6.700000 -protocol_whitelist http,tcp -f mov \
             -analyzeduration 500000 -i http://127.0.0.1:9/x -map 0:0 -map 0:1 \
             -map_metadata -1 -map_chapters -1 -sn -dn -c copy -copypriorss 1 -avoid_negative_ts disabled \
             -output_ts_offset 1.000000 -video_track_timescale 15360 \
             -movflags +delay_moov+empty_moov+default_base_moof+frag_discont -use_editlist 0 \
             -frag_duration 2000000 -bsf:a aac_adtstoasc -f mp4 -y file:/w/video.mp4"
    );
}

#[test]
fn raw_frames_and_samples_of_a_window() {
    let window = CutWindow {
        start_pts: 15360,
        end_pts: Some(30720),
        start_micros: 1_000_000,
        end_micros: 2_000_000,
        seek_micros: Some(200_000),
    };
    let plan = FramePlan {
        width: 64,
        height: 48,
        pixel_format: FrameFormat::Yuv420p,
        frame_rate: Rational { num: 30_000, den: 1001 },
        audio: None,
    };
    let input = file("/w/v.mp4");
    let words = |args: Vec<OsString>| {
        let words: Vec<_> = args.iter().map(|word| word.to_str().unwrap()).collect();
        words.join(" ")
    };
    const BEGIN: &str = "-nostdin -hide_banner -v error -nostats -progress pipe:2 \
                         -stats_period 10 -copyts";
    const INPUT: &str = "-noaccurate_seek -ss 0.200000 -protocol_whitelist file -f mov -i \
                         file:/w/v.mp4 -map";
    let raw_video = RawVideo {
        plan: &plan,
        input: &input,
        video: &video(320, "yuv420p"),
        window,
        slack_ticks: 128,
        frames: 30,
        spare: 3,
        threads: 2,
    };
    assert_eq!(
        words(raw_video_args(&raw_video)),
        format!(
            "{BEGIN} -threads 2 {INPUT} 0:1 -map_metadata -1 -map_chapters -1 -sn -dn \
             -filter:v trim=start_pts=15360:end_pts=30720,setpts=PTS-(15488),\
             fps=fps=30000/1001:round=up:start_time=0,tpad=stop=3:stop_mode=clone,\
             scale=64:48:out_range=tv,format=yuv420p -fps_mode vfr -frames:v 30 \
             -c:v rawvideo -f rawvideo pipe:1"
        )
    );
    let raw_audio = RawAudio {
        format: PcmFormat { sample_rate: 16_000, channels: 1 },
        input: &input,
        stream: &audio(6),
        window,
        to_its_end: false,
    };
    let rest = "asetpts=PTS-(1.000000)/TB,aresample=16000:async=1:min_hard_comp=0.01:first_pts=0,\
                aformat=sample_fmts=s16:sample_rates=16000:channel_layouts=mono \
                -c:a pcm_s16le -f s16le pipe:1";
    let begin = format!(
        "{BEGIN} {INPUT} 0:2 -map_metadata -1 -map_chapters -1 -sn -dn -filter:a atrim=start="
    );
    assert_eq!(words(raw_audio_args(&raw_audio)), format!("{begin}1.000000:end=2.000000,{rest}"));
    let whole = RawAudio { to_its_end: true, ..raw_audio };
    assert_eq!(words(raw_audio_args(&whole)), format!("{begin}1.000000,{rest}"));
}

#[test]
fn only_the_audio_is_encoded_where_the_video_fits() {
    let audio = AudioInput { file: None, streams: &[audio(2)] };
    let plan = AudioPlan { encoder: AudioEncoder::Opus, kilobits: 192 };
    let args = reencode_audio_args(
        &file("/w/v.mp4"),
        &video(320, "yuv420p"),
        audio,
        AudioReencode { container: Container::Webm, plan: &plan },
        "/w/o.webm".as_ref(),
    );
    assert_eq!(
        text(&args),
        "-protocol_whitelist file -f mov -i file:/w/v.mp4 -map 0:1 -map 0:2 -map_metadata -1 \
             -map_chapters -1 -sn -dn -c:v copy -c:a libopus -b:a:0 192k \
             -filter:a:0 asetpts=PTS+0.0065/TB -f webm -y file:/w/o.webm"
    );
}
