//! The generated media say what they should, through every encoder that they are made with.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use clipmill_tests::media::{
    self, Clip, Packaging, Rate, Structure, VideoCodec, av_offsets, copied_share, read_frames,
};

/// Every frame of the clip is there, in order and at its time, and the flashes are where they
/// should be. `tolerance` is in seconds: containers round times to their own units.
fn assert_frames(clip: &Clip, tolerance: f64) {
    let file = clip.file();
    let frames = read_frames(&file).unwrap();
    let numbers: Vec<u32> = frames.iter().map(|frame| frame.number).collect();
    assert_eq!(numbers, clip.frames_between(0.0, clip.seconds()), "{}", file.display());
    let start = frames[0].pts;
    for frame in &frames {
        let error = frame.pts - start - clip.rate.time_of(frame.number);
        assert!(error.abs() <= tolerance, "{}: {frame:?} is off by {error}", file.display());
        assert_eq!(frame.flash, clip.flashes(frame.number), "{}: {frame:?}", file.display());
    }
}

fn assert_in_sync(clip: &Clip, tolerance: f64) {
    let offsets = av_offsets(clip.file(), clip.rate).unwrap();
    assert_eq!(offsets.len(), clip.seconds().ceil() as usize, "{offsets:?}");
    let worst = offsets.iter().fold(0.0_f64, |worst, offset| worst.max(offset.abs()));
    assert!(worst <= tolerance, "{clip:?}: {offsets:?}");
}

#[test]
fn the_main_clip_reads_back_frame_by_frame() {
    let clip = media::main_clip();
    assert_frames(&clip, 1e-4);
    assert_in_sync(&clip, 0.003);
    let video = media::stream(clip.file(), "video").unwrap();
    assert_eq!(video["has_b_frames"], 2, "{video}");
}

#[test]
fn rates_and_codecs_read_back() {
    for clip in [media::ntsc(), media::sixty(), media::hevc(), media::fragmented()] {
        assert_frames(&clip, 1e-4);
        assert_in_sync(&clip, 0.003);
    }
    for clip in [media::webm(), media::av1()] {
        assert_frames(&clip, 0.001);
        // ffmpeg takes Opus' lead-in of 6.5 ms off without moving what follows.
        assert_in_sync(&clip, 0.008);
    }
}

#[test]
fn the_counter_survives_scaling_and_bad_quality() {
    let folder = tempfile::tempdir().unwrap();
    let source = media::ntsc();
    let expected: Vec<u32> = (0..120).collect();
    let codecs = [
        "-c:v libx264 -preset ultrafast -crf 38",
        "-c:v libx265 -preset ultrafast -crf 38 -x265-params log-level=error",
        "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 60k",
    ];
    for (index, codec) in codecs.into_iter().enumerate() {
        let small = folder.path().join(format!("{index}.mkv"));
        let (from, to) = (source.file(), small.display());
        let from = from.display();
        let command =
            format!("-v error -i {from} -an -frames:v 120 -vf scale=426:240 {codec} {to}");
        clipmill_tests::tool::run("ffmpeg", command.split(' ')).unwrap();
        let frames = read_frames(&small).unwrap();
        let numbers: Vec<u32> = frames.iter().map(|frame| frame.number).collect();
        assert_eq!(numbers, expected, "{codec}");
    }
}

#[test]
fn structures_are_what_their_names_say() {
    let small = Clip { gop: 30, ..Clip::new(320, 180, 6) };
    let like = |structure| Clip { structure, ..small.clone() };
    let told = |clip: &Clip| {
        assert_frames(clip, 1e-4);
        let video = media::stream(clip.file(), "video").unwrap();
        let fact = |name: &str| video[name].as_str().unwrap_or_default().to_owned();
        (fact("profile"), video["has_b_frames"].as_u64().unwrap(), fact("field_order"))
    };
    assert_eq!(told(&like(Structure::Open)).1, 2);
    assert_eq!(told(&like(Structure::Pyramid)).1, 2);
    let plain = Clip { b_frames: 0, ..like(Structure::Baseline) };
    assert_eq!(told(&plain), ("Constrained Baseline".into(), 0, "progressive".into()));
    assert_eq!(told(&like(Structure::Interlaced)).2, "tt");
    let hevc = Clip { video: Some(VideoCodec::Hevc), ..like(Structure::Open) };
    assert!(told(&hevc).1 > 0);
    let many = Clip { sounds: 2, sample_rate: 44_100, ..small.clone() };
    assert_eq!(media::streams(many.file()).unwrap(), ["h264", "aac", "aac"]);
    assert_eq!(media::stream(many.file(), "audio").unwrap()["sample_rate"], "44100");
    assert_in_sync(&many, 0.004);
    let late = Clip { packaging: Packaging::LateEdit, ..small.clone() };
    assert!((read_frames(late.file()).unwrap()[0].pts - 0.5).abs() < 1e-4);
    assert_in_sync(&late, 0.003);
}

#[test]
fn copies_are_told_from_encodes() {
    let folder = tempfile::tempdir().unwrap();
    let source = Clip { gop: 30, ..Clip::new(320, 180, 6) }.file();
    let make = |name: &str, how: &str| {
        let (out, from) = (folder.path().join(name), source.display());
        let command = format!("-v error -ss 2 -i {from} -an -t 2 {how} {}", out.display());
        clipmill_tests::tool::run("ffmpeg", command.split(' ')).unwrap();
        copied_share(&out, &source).unwrap()
    };
    assert_eq!(make("copy.mp4", "-c copy"), 1.0);
    assert_eq!(make("encode.mp4", "-c:v libx264 -preset ultrafast"), 0.0);
}

#[test]
fn playlists_read_back() {
    for clip in [media::hls_ts(), media::hls_fmp4()] {
        assert_frames(&clip, 1e-4);
        assert_in_sync(&clip, 0.003);
    }
    let small = |packaging| Clip { packaging, gop: 30, ..Clip::new(320, 180, 8) };
    assert_frames(&small(Packaging::HlsRanges), 1e-4);
    assert_frames(&small(Packaging::DashTemplate), 1e-4);
    // ffmpeg reads no manifest with byte ranges: here only what it names.
    for packaging in [Packaging::DashList, Packaging::DashBase] {
        let picture = small(packaging).file().with_file_name("index-stream0.mp4");
        assert_eq!(read_frames(picture).unwrap().len(), 240);
    }
}

#[test]
fn ten_bits_are_ten_bits() {
    for clip in [media::h264_ten_bit(), media::hevc_ten_bit()] {
        assert_frames(&clip, 1e-4);
        let video = media::stream(clip.file(), "video").unwrap();
        assert_eq!(video["pix_fmt"], "yuv420p10le", "{video}");
    }
}

#[test]
fn odd_turned_variable_and_silent_clips_read_back() {
    assert_frames(&media::odd_size(), 0.001);
    assert_frames(&media::odd_size_webm(), 0.001);
    assert_frames(&media::silent(), 1e-4);
    assert_eq!(media::streams(media::silent().file()).unwrap(), ["h264"]);

    assert_frames(&media::rotated(), 1e-4);
    let video = media::stream(media::rotated().file(), "video").unwrap();
    assert_eq!((video["width"].as_u64(), video["height"].as_u64()), (Some(640), Some(360)));

    assert_frames(&media::variable_rate(), 1e-4);
    let kept = read_frames(media::variable_rate().file()).unwrap().len();
    assert_eq!(kept, 210);
}

#[test]
fn separate_streams_at_every_height_read_back() {
    for height in [240, 480, 720, 1080, 1440, 2160] {
        assert_frames(&media::video_webm(height, 2), 0.001);
    }
    assert_frames(&media::video_mp4(1080, 2), 1e-4);
    for clip in [media::audio_m4a(5), media::audio_webm(5)] {
        let clicks = media::audio_clicks(clip.file()).unwrap();
        let seconds: Vec<u32> = clicks.iter().map(|click| click.second).collect();
        assert_eq!(seconds, [0, 1, 2, 3, 4]);
        for click in clicks {
            assert!((click.at - f64::from(click.second)).abs() < 0.006, "{click:?}");
        }
    }
}

#[test]
fn every_upload_extension_has_a_readable_clip() {
    for (extension, clip) in media::uploads() {
        let frames = read_frames(clip.file()).unwrap();
        let numbers: Vec<u32> = frames.iter().map(|frame| frame.number).collect();
        assert_eq!(numbers, clip.frames_between(0.0, 5.0), "{extension}");
        let clicks = media::audio_clicks(clip.file()).unwrap();
        // Windows Media loses the one at its very beginning.
        let seconds: Vec<u32> = clicks.iter().map(|click| click.second).collect();
        assert!(seconds == [0, 1, 2, 3, 4] || seconds == [1, 2, 3, 4], "{extension}: {clicks:?}");
    }
}

#[test]
fn late_sound_is_measured_and_foreign_pictures_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let source = media::ntsc().file().display().to_string();
    let shifted = folder.path().join("shifted.mkv").display().to_string();
    let command = format!(
        "-v error -i {source} -itsoffset 2.1 -i {source} -map 0:v -map 1:a -c copy {shifted}"
    );
    clipmill_tests::tool::run("ffmpeg", command.split(' ')).unwrap();
    for offset in av_offsets(&shifted, Rate::NTSC).unwrap() {
        assert!((offset - 2.1).abs() < 0.005, "{offset}");
    }

    let foreign = folder.path().join("foreign.mkv").display().to_string();
    let command = format!("-v error -f lavfi -i testsrc=d=1 -c:v ffv1 {foreign}");
    clipmill_tests::tool::run("ffmpeg", command.split(' ')).unwrap();
    let error = read_frames(&foreign).unwrap_err().to_string();
    assert!(error.contains("foreign.mkv: picture 0 at 0.0000 s"), "{error}");
}

#[test]
fn frame_hashes_tell_lossless_from_lossy() {
    let folder = tempfile::tempdir().unwrap();
    let source = media::h264_ten_bit().file();
    let encode = |name: &str, how: &str| {
        let out = folder.path().join(name);
        let (from, to) = (source.display(), out.display());
        let command = format!("-v error -i {from} -an -frames:v 30 {how} {to}");
        clipmill_tests::tool::run("ffmpeg", command.split(' ')).unwrap();
        media::frame_hashes(&out).unwrap()
    };
    let original = media::frame_hashes(&source).unwrap();
    assert_eq!(encode("lossless.mkv", "-c:v ffv1"), original[..30]);
    let lossy = encode("lossy.mp4", "-c:v libx264 -preset ultrafast -crf 20");
    assert!(lossy.iter().zip(&original).all(|(lossy, original)| lossy != original));
}
