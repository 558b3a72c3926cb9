//! The ready-made clips. All are small: the main ones 640x360, large pictures a few seconds long.

use super::clip::{AudioCodec, Clip, Packaging, Rate, VideoCodec};

/// The one to use unless something else is asked for: 90 s of 640x360 H.264 and AAC in MP4, 30
/// frames a second, a keyframe each 5 s, two B-frames.
pub fn main_clip() -> Clip {
    Clip::new(640, 360, 90)
}

/// The same for 20 s at 30000/1001 frames a second.
pub fn ntsc() -> Clip {
    Clip::new(640, 360, 20).rate(Rate::NTSC)
}

/// The same for 20 s at 60 frames a second.
pub fn sixty() -> Clip {
    Clip::new(640, 360, 20).rate(Rate::FPS_60)
}

/// 30 s of VP9 and Opus in WebM.
pub fn webm() -> Clip {
    Clip {
        video: Some(VideoCodec::Vp9),
        audio: Some(AudioCodec::Opus),
        packaging: Packaging::File("webm"),
        ..Clip::new(640, 360, 30)
    }
}

/// H.264 in MP4 without sound, 16:9, as sites offer it beside a sound track.
pub fn video_mp4(height: u32, seconds: u32) -> Clip {
    Clip { audio: None, ..Clip::new(wide(height), height, seconds) }
}

/// VP9 in WebM without sound, 16:9.
pub fn video_webm(height: u32, seconds: u32) -> Clip {
    Clip {
        video: Some(VideoCodec::Vp9),
        packaging: Packaging::File("webm"),
        ..video_mp4(height, seconds)
    }
}

/// AAC alone in M4A.
pub fn audio_m4a(seconds: u32) -> Clip {
    Clip { video: None, packaging: Packaging::File("m4a"), ..Clip::new(0, 0, seconds) }
}

/// Opus alone in WebM.
pub fn audio_webm(seconds: u32) -> Clip {
    Clip {
        video: None,
        audio: Some(AudioCodec::Opus),
        packaging: Packaging::File("webm"),
        ..Clip::new(0, 0, seconds)
    }
}

/// 10 s of H.264 with 10 bits a sample.
pub fn h264_ten_bit() -> Clip {
    Clip { ten_bit: true, ..Clip::new(640, 360, 10) }
}

/// 10 s of H.265 with 10 bits a sample.
pub fn hevc_ten_bit() -> Clip {
    Clip { video: Some(VideoCodec::Hevc), ..h264_ten_bit() }
}

/// 10 s of H.265 with 8 bits a sample.
pub fn hevc() -> Clip {
    Clip { video: Some(VideoCodec::Hevc), ..Clip::new(640, 360, 10) }
}

/// 10 s of AV1 and Opus in WebM.
pub fn av1() -> Clip {
    Clip { video: Some(VideoCodec::Av1), ..Clip { frames: 300, ..webm() } }
}

/// 5 s of FFV1 and FLAC in Matroska with odd width and height: 321x241.
pub fn odd_size() -> Clip {
    Clip {
        video: Some(VideoCodec::Ffv1),
        audio: Some(AudioCodec::Flac),
        packaging: Packaging::File("mkv"),
        ..Clip::new(321, 241, 5)
    }
}

/// 5 s of VP9 in WebM with odd width and height.
pub fn odd_size_webm() -> Clip {
    Clip { width: 321, height: 241, frames: 150, ..webm() }
}

/// 5 s stored as 640x360 on its side and shown as 360x640, as phones record.
pub fn rotated() -> Clip {
    Clip { rotated: true, ..Clip::new(360, 640, 5) }
}

/// 10 s with variable frame rate: of each ten frames, three are missing.
pub fn variable_rate() -> Clip {
    Clip { variable_rate: true, ..Clip::new(640, 360, 10) }
}

/// 10 s without sound.
pub fn silent() -> Clip {
    Clip { audio: None, ..Clip::new(640, 360, 10) }
}

/// 30 s of HLS with MPEG-TS segments; the file is the playlist.
pub fn hls_ts() -> Clip {
    Clip { packaging: Packaging::HlsTs, gop: 60, ..Clip::new(640, 360, 30) }
}

/// 30 s of HLS with fragmented MP4 segments; the file is the playlist.
pub fn hls_fmp4() -> Clip {
    Clip { packaging: Packaging::HlsFmp4, ..hls_ts() }
}

/// 30 s of fragmented MP4 with a segment index.
pub fn fragmented() -> Clip {
    Clip { packaging: Packaging::FragmentedMp4, ..Clip::new(640, 360, 30) }
}

/// 5 s with the container of each extension that may be uploaded and codecs usual in it.
pub fn uploads() -> Vec<(&'static str, Clip)> {
    let clip = |extension, video, audio| {
        let clip = Clip {
            video: Some(video),
            audio: Some(audio),
            packaging: Packaging::File(extension),
            ..Clip::new(320, 240, 5)
        };
        (extension, clip)
    };
    use AudioCodec::{Aac, Flac, Mp2, Mp3, Opus, Wmav2};
    use VideoCodec::{Flv1, H264, Mpeg2, Mpeg4, Vp9, Wmv2};
    vec![
        clip("mp4", H264, Aac),
        clip("m4v", H264, Aac),
        clip("mov", H264, Aac),
        clip("avi", Mpeg4, Mp3),
        clip("mkv", H264, Flac),
        clip("flv", Flv1, Aac),
        clip("wmv", Wmv2, Wmav2),
        clip("webm", Vp9, Opus),
        clip("mpg", Mpeg2, Mp2),
        clip("mpeg", Mpeg2, Mp2),
        clip("3gp", H264, Aac),
    ]
}

/// The even width of a 16:9 picture.
fn wide(height: u32) -> u32 {
    (height * 16 / 9).div_ceil(2) * 2
}
