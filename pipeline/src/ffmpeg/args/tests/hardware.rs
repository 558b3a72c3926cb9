//! Arguments of hardware encoders.

use super::*;
use crate::ffmpeg::hardware_encoder::{HardwareApi, HardwareCodec, HardwareEncoder, HardwareJob};

/// The arguments of a hardware job of this source: before the input, and from the
/// filter to the audio.
fn by(
    api: HardwareApi,
    codec: HardwareCodec,
    encoder: VideoEncoder,
    crf: u8,
    host: HostOptions<'_>,
) -> (String, String) {
    let format = if codec == HardwareCodec::H264 { "yuv420p" } else { "yuv420p10le" };
    let plan = plan(encoder, Rate::Crf(crf), format);
    let (input, video) = (file("/w/v.mp4"), video(320, format));
    let audio = AudioInput { file: None, streams: &[] };
    let output = "/w/o.mp4".as_ref();
    let job = EncodeJob {
        plan: &plan,
        input: &input,
        video: &video,
        audio,
        window: None,
        threads: 0,
        output,
    };
    let encoder = HardwareEncoder { api, codec };
    let given = host.hardware.and_then(|it| it.device);
    let urgent = host.hardware.is_some_and(|it| it.urgent);
    let hardware = Some(HardwareJob { encoder, device: given, urgent });
    let all = text(&encode_args(&job, HostOptions { hardware, ..host }));
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
    let none = HostOptions::default();
    let words = |api, codec, encoder, crf| by(api, codec, encoder, crf, none).1;
    use HardwareCodec::{Av1, H264, H265};
    for (api, codec, encoder, crf, wanted) in [
        (
            HardwareApi::Nvenc,
            H264,
            x264,
            23,
            "format=nv12 -c:v h264_nvenc -preset p5 -tune hq -rc vbr -cq 23 -b:v 0 -pix_fmt nv12",
        ),
        (
            HardwareApi::Nvenc,
            H265,
            x265,
            28,
            "format=p010le -c:v hevc_nvenc -preset p5 -tune hq -rc vbr -cq 28 -b:v 0 -tag:v hvc1 -pix_fmt p010le",
        ),
        (
            HardwareApi::Nvenc,
            Av1,
            av1,
            30,
            "format=p010le -c:v av1_nvenc -preset p5 -tune hq -rc vbr -cq 30 -b:v 0 -pix_fmt p010le",
        ),
        (
            HardwareApi::Qsv,
            H264,
            x264,
            18,
            "format=nv12 -c:v h264_qsv -preset medium -global_quality 18 -pix_fmt nv12",
        ),
        (
            HardwareApi::Qsv,
            H265,
            x265,
            20,
            "format=p010le -c:v hevc_qsv -preset medium -global_quality 20 -tag:v hvc1 -pix_fmt p010le",
        ),
        (
            HardwareApi::Qsv,
            Av1,
            av1,
            30,
            "format=p010le -c:v av1_qsv -preset medium -global_quality 24 -pix_fmt p010le",
        ),
        (
            HardwareApi::Vaapi,
            H264,
            x264,
            23,
            "format=nv12,hwupload -c:v h264_vaapi -rc_mode CQP -global_quality 23",
        ),
        (
            HardwareApi::Vaapi,
            H265,
            x265,
            28,
            "format=p010le,hwupload -c:v hevc_vaapi -rc_mode CQP -global_quality 28 -tag:v hvc1",
        ),
        (
            HardwareApi::Vaapi,
            Av1,
            av1,
            30,
            "format=p010le,hwupload -c:v av1_vaapi -rc_mode CQP -global_quality 120",
        ),
        (
            HardwareApi::Amf,
            H264,
            x264,
            23,
            "format=nv12 -c:v h264_amf -quality balanced -rc cqp -qp_i 23 -qp_p 23 -qp_b 23 -pix_fmt nv12",
        ),
        (
            HardwareApi::Amf,
            H265,
            x265,
            28,
            "format=p010le -c:v hevc_amf -quality balanced -rc cqp -qp_i 28 -qp_p 28 -tag:v hvc1 -pix_fmt p010le",
        ),
        (
            HardwareApi::Amf,
            Av1,
            av1,
            23,
            "format=p010le -c:v av1_amf -quality balanced -rc cqp -qp_i 92 -qp_p 92 -pix_fmt p010le",
        ),
        (
            HardwareApi::VideoToolbox,
            H264,
            x264,
            23,
            "format=nv12 -c:v h264_videotoolbox -q:v 65 -pix_fmt nv12",
        ),
        (
            HardwareApi::VideoToolbox,
            H265,
            x265,
            28,
            "format=p010le -c:v hevc_videotoolbox -q:v 58 -tag:v hvc1 -pix_fmt p010le",
        ),
    ] {
        assert_eq!(words(api, codec, encoder, crf), wanted);
    }
}

#[test]
fn devices_come_before_the_input_and_limits_beside_the_quality() {
    let x264 = VideoEncoder::X264 { preset: 5 };
    let before = |api, device| {
        let encoder = HardwareEncoder { api, codec: HardwareCodec::H264 };
        let hardware = Some(HardwareJob { encoder, device, urgent: true });
        by(api, HardwareCodec::H264, x264, 18, HostOptions { hardware, max_kilobits: Some(900) })
    };
    assert_eq!(before(HardwareApi::Vaapi, None).0, "-vaapi_device /dev/dri/renderD128");
    assert_eq!(
        before(HardwareApi::Vaapi, Some("/dev/dri/renderD129")).0,
        "-vaapi_device /dev/dri/renderD129"
    );
    assert_eq!(
        before(HardwareApi::Qsv, Some("/dev/dri/renderD129")).0,
        "-qsv_device /dev/dri/renderD129"
    );
    assert_eq!(before(HardwareApi::Nvenc, Some("/dev/dri/renderD129")).0, "");
    assert_eq!(
        before(HardwareApi::Nvenc, None).1,
        "format=nv12 -c:v h264_nvenc -preset p3 -tune hq -rc vbr -cq 18 -b:v 0 \
         -maxrate 900k -bufsize 900k -pix_fmt nv12"
    );
    let input = file("/w/v.mp4");
    let software = |encoder| {
        let plan = plan(encoder, Rate::Crf(30), "yuv420p");
        let (video, output) = (video(320, "yuv420p"), "/w/o.mp4".as_ref());
        let audio = AudioInput { file: None, streams: &[] };
        let (window, threads) = (None, 0);
        let job =
            EncodeJob { plan: &plan, input: &input, video: &video, audio, window, threads, output };
        let all = text(&encode_args(&job, HostOptions { hardware: None, max_kilobits: Some(900) }));
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
    let encoder = HardwareEncoder { api: HardwareApi::Vaapi, codec: HardwareCodec::H265 };
    let args = trial_args(HardwareJob { encoder, device: None, urgent: false });
    let words: Vec<_> = args.iter().map(|word| word.to_str().unwrap()).collect();
    assert_eq!(
        words.join(" "),
        "-nostdin -hide_banner -v error -vaapi_device /dev/dri/renderD128 -protocol_whitelist file \
         -f rawvideo -pixel_format yuv420p -video_size 256x256 -framerate 25 -i file:/dev/zero \
         -filter:v format=nv12,hwupload -frames:v 1 -c:v hevc_vaapi -rc_mode CQP \
         -global_quality 23 -f null -"
    );
}
