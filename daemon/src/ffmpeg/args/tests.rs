//! What ffmpeg is told, word by word.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use clipmill_plugins::media::Rational;
use clipmill_plugins::{FrameFormat, FramePlan, PcmFormat, Rate, VideoEncoder, VideoPlan};

use super::*;
use crate::ffmpeg::hardware::{Coded, HardwareEncoder, Kind};

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
    AudioStream { index: 2, codec: "aac".into(), sample_rate: 48000, channels }
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
fn an_exact_cut_of_picture_and_sound_from_two_files() {
    let window = Window {
        start_pts: 153_600,
        end_pts: Some(200_192),
        start_micros: 10_000_000,
        end_micros: 13_033_333,
        seek_micros: None,
    };
    let args = encode(&Encode {
        plan: &plan(VideoEncoder::X264 { preset: 2 }, Rate::Crf(18), "yuv420p"),
        input: &file("/w/v.mp4"),
        video: &video(320, "yuv420p"),
        sound: Sound { file: Some(&file("/w/a.m4a")), streams: &[audio(2)] },
        window: Some(window),
        threads: 2,
        output: "/w/-odd name.mp4".as_ref(),
    });
    assert_eq!(
        text(&args),
        "-copyts -threads 2 -protocol_whitelist file -f mov -i file:/w/v.mp4 \
             -threads 2 -protocol_whitelist file -f mov -i file:/w/a.m4a \
             -map 0:1 -map 1:2 -map_metadata -1 -map_chapters -1 -sn -dn \
             -filter:v trim=start_pts=153600:end_pts=200192,setpts=PTS-STARTPTS,format=yuv420p \
             -fps_mode passthrough -enc_time_base:v -1 \
             -c:v libx264 -preset veryfast -crf 18 -pix_fmt yuv420p \
             -c:a aac -b:a:0 192k -filter:a:0 atrim=start=10.000000:end=13.033333,\
             asetpts=PTS-(10.000000)/TB,aresample=async=1:first_pts=0 \
             -threads 2 -f mp4 -movflags +faststart+negative_cts_offsets -y \
             file:/w/-odd name.mp4"
    );
}

#[test]
fn an_upload_keeps_all_sounds_and_is_padded_upright() {
    let turned = VideoStream { rotation: 90, ..video(321, "yuvj420p") };
    let args = encode(&Encode {
        plan: &plan(VideoEncoder::X265 { preset: 5 }, Rate::Lossless, "yuv420p"),
        input: &file("/w/v.mov"),
        video: &turned,
        sound: Sound { file: None, streams: &[audio(1), audio(6)] },
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
        let picture = video(320, "yuv420p10le");
        let input = file("/w/v.mp4");
        let sound = Sound { file: None, streams: &[] };
        let (window, threads, output) = (None, 3, "/w/o.mp4".as_ref());
        let job =
            Encode { plan: &plan, input: &input, video: &picture, sound, window, threads, output };
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
    let args = copy(&Copy {
        input: &input,
        streams: &[0, 1],
        from: 11.3,
        length: 6.7,
        format: "mp4",
        time_scale: Some(15360),
        output: "/w/video.mp4".as_ref(),
    });
    assert_eq!(
        text(&args),
        "-copyts -ss 11.300000 -t 6.700000 -protocol_whitelist http,tcp -f mov \
             -analyzeduration 500000 -i http://127.0.0.1:9/x -map 0:0 -map 0:1 \
             -map_metadata -1 -map_chapters -1 -sn -dn -c copy -copypriorss 1 -avoid_negative_ts disabled \
             -output_ts_offset 1.000000 -movie_timescale 15360 \
             -video_track_timescale 15360 -f mp4 -y file:/w/video.mp4"
    );
}

#[test]
fn raw_frames_and_samples_of_a_window() {
    let window = Window {
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
    let picture = RawPicture {
        plan: &plan,
        input: &input,
        video: &video(320, "yuv420p"),
        window,
        slack: 128,
        frames: 30,
        spare: 3,
        threads: 2,
    };
    assert_eq!(
        words(raw_picture(&picture)),
        format!(
            "{BEGIN} -threads 2 {INPUT} 0:1 -map_metadata -1 -map_chapters -1 -sn -dn \
             -filter:v trim=start_pts=15360:end_pts=30720,setpts=PTS-(15488),\
             fps=fps=30000/1001:round=up:start_time=0,tpad=stop=3:stop_mode=clone,\
             scale=64:48:out_range=tv,format=yuv420p -fps_mode vfr -frames:v 30 \
             -c:v rawvideo -f rawvideo pipe:1"
        )
    );
    let sound = RawSound {
        format: PcmFormat { sample_rate: 16_000, channels: 1 },
        input: &input,
        stream: &audio(6),
        window,
        to_its_end: false,
    };
    let rest = "asetpts=PTS-(1.000000)/TB,aresample=16000:async=1:first_pts=0,\
                aformat=sample_fmts=s16:sample_rates=16000:channel_layouts=mono \
                -c:a pcm_s16le -f s16le pipe:1";
    let begin = format!(
        "{BEGIN} {INPUT} 0:2 -map_metadata -1 -map_chapters -1 -sn -dn -filter:a atrim=start="
    );
    assert_eq!(words(raw_sound(&sound)), format!("{begin}1.000000:end=2.000000,{rest}"));
    let whole = RawSound { to_its_end: true, ..sound };
    assert_eq!(words(raw_sound(&whole)), format!("{begin}1.000000,{rest}"));
}

/// What a hardware job of this source is told: before the input, and from the
/// filter to the sound.
fn by(
    kind: Kind,
    coded: Coded,
    encoder: VideoEncoder,
    crf: u8,
    extra: Extra<'_>,
) -> (String, String) {
    let format = if coded == Coded::H264 { "yuv420p" } else { "yuv420p10le" };
    let plan = plan(encoder, Rate::Crf(crf), format);
    let (input, video) = (file("/w/v.mp4"), video(320, format));
    let sound = Sound { file: None, streams: &[] };
    let output = "/w/o.mp4".as_ref();
    let job = Encode {
        plan: &plan,
        input: &input,
        video: &video,
        sound,
        window: None,
        threads: 0,
        output,
    };
    let encoder = HardwareEncoder { kind, coded };
    let given = extra.hardware.and_then(|it| it.device);
    let hurry = extra.hardware.is_some_and(|it| it.hurry);
    let hardware = Some(Hardware { encoder, device: given, hurry });
    let all = text(&encode_with(&job, Extra { hardware, ..extra }));
    let (before, rest) = all.split_once("-protocol_whitelist").unwrap();
    let from = rest.find("-filter:v ").unwrap() + 10;
    let to = rest.find(" -f mp4").unwrap();
    let words = rest[from..to].replace(" -fps_mode passthrough -enc_time_base:v -1", "");
    (before.trim().to_owned(), words)
}

#[test]
fn every_hardware_is_driven_in_its_own_way() {
    let x264 = VideoEncoder::X264 { preset: 5 };
    let x265 = VideoEncoder::X265 { preset: 5 };
    let av1 = VideoEncoder::SvtAv1 { preset: 8 };
    let none = Extra::default();
    let words = |kind, coded, encoder, crf| by(kind, coded, encoder, crf, none).1;
    use Coded::{Av1, H264, H265};
    for (kind, coded, encoder, crf, wanted) in [
        (
            Kind::Nvenc,
            H264,
            x264,
            23,
            "format=nv12 -c:v h264_nvenc -preset p5 -tune hq -rc vbr -cq 23 -b:v 0 -pix_fmt nv12",
        ),
        (
            Kind::Nvenc,
            H265,
            x265,
            28,
            "format=p010le -c:v hevc_nvenc -preset p5 -tune hq -rc vbr -cq 28 -b:v 0 -tag:v hvc1 -pix_fmt p010le",
        ),
        (
            Kind::Nvenc,
            Av1,
            av1,
            30,
            "format=p010le -c:v av1_nvenc -preset p5 -tune hq -rc vbr -cq 30 -b:v 0 -pix_fmt p010le",
        ),
        (
            Kind::Qsv,
            H264,
            x264,
            18,
            "format=nv12 -c:v h264_qsv -preset medium -global_quality 18 -pix_fmt nv12",
        ),
        (
            Kind::Qsv,
            H265,
            x265,
            20,
            "format=p010le -c:v hevc_qsv -preset medium -global_quality 20 -tag:v hvc1 -pix_fmt p010le",
        ),
        (
            Kind::Qsv,
            Av1,
            av1,
            30,
            "format=p010le -c:v av1_qsv -preset medium -global_quality 24 -pix_fmt p010le",
        ),
        (
            Kind::Vaapi,
            H264,
            x264,
            23,
            "format=nv12,hwupload -c:v h264_vaapi -rc_mode CQP -global_quality 23",
        ),
        (
            Kind::Vaapi,
            H265,
            x265,
            28,
            "format=p010le,hwupload -c:v hevc_vaapi -rc_mode CQP -global_quality 28 -tag:v hvc1",
        ),
        (
            Kind::Vaapi,
            Av1,
            av1,
            30,
            "format=p010le,hwupload -c:v av1_vaapi -rc_mode CQP -global_quality 120",
        ),
        (
            Kind::Amf,
            H264,
            x264,
            23,
            "format=nv12 -c:v h264_amf -quality balanced -rc cqp -qp_i 23 -qp_p 23 -qp_b 23 -pix_fmt nv12",
        ),
        (
            Kind::Amf,
            H265,
            x265,
            28,
            "format=p010le -c:v hevc_amf -quality balanced -rc cqp -qp_i 28 -qp_p 28 -tag:v hvc1 -pix_fmt p010le",
        ),
        (
            Kind::Amf,
            Av1,
            av1,
            23,
            "format=p010le -c:v av1_amf -quality balanced -rc cqp -qp_i 92 -qp_p 92 -pix_fmt p010le",
        ),
        (
            Kind::VideoToolbox,
            H264,
            x264,
            23,
            "format=nv12 -c:v h264_videotoolbox -q:v 65 -pix_fmt nv12",
        ),
        (
            Kind::VideoToolbox,
            H265,
            x265,
            28,
            "format=p010le -c:v hevc_videotoolbox -q:v 58 -tag:v hvc1 -pix_fmt p010le",
        ),
    ] {
        assert_eq!(words(kind, coded, encoder, crf), wanted);
    }
}

#[test]
fn devices_come_before_the_input_and_limits_beside_the_quality() {
    let x264 = VideoEncoder::X264 { preset: 5 };
    let before = |kind, device| {
        let encoder = HardwareEncoder { kind, coded: Coded::H264 };
        let hardware = Some(Hardware { encoder, device, hurry: true });
        by(kind, Coded::H264, x264, 18, Extra { hardware, limit: Some(900) })
    };
    assert_eq!(before(Kind::Vaapi, None).0, "-vaapi_device /dev/dri/renderD128");
    assert_eq!(
        before(Kind::Vaapi, Some("/dev/dri/renderD129")).0,
        "-vaapi_device /dev/dri/renderD129"
    );
    assert_eq!(before(Kind::Qsv, Some("/dev/dri/renderD129")).0, "-qsv_device /dev/dri/renderD129");
    assert_eq!(before(Kind::Nvenc, Some("/dev/dri/renderD129")).0, "");
    assert_eq!(
        before(Kind::Nvenc, None).1,
        "format=nv12 -c:v h264_nvenc -preset p3 -tune hq -rc vbr -cq 18 -b:v 0 \
         -maxrate 900k -bufsize 900k -pix_fmt nv12"
    );
    let input = file("/w/v.mp4");
    let software = |encoder| {
        let plan = plan(encoder, Rate::Crf(30), "yuv420p");
        let (video, output) = (video(320, "yuv420p"), "/w/o.mp4".as_ref());
        let sound = Sound { file: None, streams: &[] };
        let (window, threads) = (None, 0);
        let job =
            Encode { plan: &plan, input: &input, video: &video, sound, window, threads, output };
        let all = text(&encode_with(&job, Extra { hardware: None, limit: Some(900) }));
        all[all.find("-c:v").unwrap()..all.find(" -f mp4").unwrap()].to_owned()
    };
    assert_eq!(
        software(VideoEncoder::X264 { preset: 5 }),
        "-c:v libx264 -preset medium -crf 30 -maxrate 900k -bufsize 900k -pix_fmt yuv420p"
    );
    assert_eq!(
        software(VideoEncoder::Aom { cpu_used: 6 }),
        "-c:v libaom-av1 -cpu-used 6 -row-mt 1 -b:v 900k -crf 30 -pix_fmt yuv420p"
    );
}

#[test]
fn an_encoder_is_tried_with_one_frame_in_the_way_of_a_job() {
    let encoder = HardwareEncoder { kind: Kind::Vaapi, coded: Coded::H265 };
    let args = trial(Hardware { encoder, device: None, hurry: false });
    let words: Vec<_> = args.iter().map(|word| word.to_str().unwrap()).collect();
    assert_eq!(
        words.join(" "),
        "-nostdin -hide_banner -v error -vaapi_device /dev/dri/renderD128 -protocol_whitelist file \
         -f rawvideo -pixel_format yuv420p -video_size 256x256 -framerate 25 -i file:/dev/zero \
         -filter:v format=nv12,hwupload -frames:v 1 -c:v hevc_vaapi -rc_mode CQP \
         -global_quality 23 -f null -"
    );
}

#[test]
fn only_the_sound_is_encoded_where_the_picture_fits() {
    let sound = Sound { file: None, streams: &[audio(2)] };
    let plan = AudioPlan { encoder: AudioEncoder::Opus, kilobits: 192 };
    let args = resound(
        &file("/w/v.mp4"),
        &video(320, "yuv420p"),
        sound,
        (Container::Webm, &plan),
        "/w/o.webm".as_ref(),
    );
    assert_eq!(
        text(&args),
        "-protocol_whitelist file -f mov -i file:/w/v.mp4 -map 0:1 -map 0:2 -map_metadata -1 \
             -map_chapters -1 -sn -dn -c:v copy -c:a libopus -b:a:0 192k \
             -filter:a:0 asetpts=PTS+0.0065/TB -f webm -y file:/w/o.webm"
    );
}
