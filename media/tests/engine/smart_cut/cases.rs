//! Which streams are cut where.

use std::path::Path;

use clipmill_media::codec::av1::find_sequence_header;
use clipmill_media::codec::hevc::{HevcSps, Hvcc, SPS};
use clipmill_media::codec::picture_format::ColourDescription;
use clipmill_media::mux::{OutSample, SampleData};
use clipmill_media::smart_cut::{FileTrack, join, prepare};
use clipmill_media::{LocalFile, MediaErrorKind};

use super::source::{PICTURE, Source, ffprobe};
use super::{cut, file_track, rewritten};

/// A body of H.264 with a keyframe every 30 frames.
const H264: &str = "-c:v libx264 -preset veryfast -g 30 -keyint_min 30 -sc_threshold 0 -bf 3";

#[tokio::test]
async fn h264_at_every_kind_of_place() {
    let source = Source::make(100, PICTURE, &format!("{H264} -pix_fmt yuv420p"));
    let made = cut(&source, 30, 90).await;
    assert_eq!((made.head, made.body, made.tail, rewritten(&made.track)), (0, 60, 0, 0));
    let made = cut(&source, 29, 77).await;
    assert_eq!(made.head, 1);
    assert!(made.tail < 4 && made.head + made.body + made.tail == 48);
    let made = cut(&source, 31, 89).await;
    assert_eq!(made.head, 29);
    assert_eq!(cut(&source, 92, 1000).await.body, 0, "last group, past the end");
    assert_eq!(cut(&source, 0, 1000).await.body, 100);
    assert_eq!(cut(&source, 45, 46).await.head, 1);
    assert_eq!(cut(&source, 60, 61).await.body, 1);
}

#[tokio::test]
async fn h264_whose_ids_are_taken_and_whose_sets_are_in_the_samples() {
    let more = "-pix_fmt yuv420p -x264-params sps-id=1:repeat-headers=1";
    let source = Source::make(70, PICTURE, &format!("{H264} {more}"));
    let made = cut(&source, 25, 58).await;
    assert_eq!((made.head, made.body + made.tail), (5, 28));
    assert!(made.tail > 0, "two parts with ids of their own");
}

#[tokio::test]
async fn h264_with_times_all_of_their_own() {
    let picture = "testsrc2=s=196x108:r=25,settb=1/1000,setpts=N*40+mod(N*N\\,7)*5";
    let more = "-pix_fmt yuv420p -fps_mode passthrough -video_track_timescale 90000";
    let source = Source::make(70, picture, &format!("{H264} {more}"));
    let times = source.times();
    assert_ne!(times[2] - times[1], times[3] - times[2]);
    cut(&source, 25, 58).await;
}

#[tokio::test]
async fn h264_interlaced() {
    let picture = "testsrc2=s=192x108:r=50,interlace";
    let more = "-pix_fmt yuv420p -flags +ilme+ildct";
    let mut source = Source::make(70, picture, &format!("{H264} {more}"));
    source.interlaced = true;
    assert_eq!(cut(&source, 25, 58).await.head, 5);
}

#[tokio::test]
async fn h264_of_ten_bits_and_more_chroma() {
    let source = Source::make(70, PICTURE, &format!("{H264} -pix_fmt yuv422p10le"));
    assert_eq!(cut(&source, 25, 58).await.head, 5);
}

#[tokio::test]
async fn h264_in_other_colours() {
    let more = "-pix_fmt yuvj420p -color_primaries bt470bg -color_trc bt709 -colorspace bt470bg";
    let source = Source::make(70, PICTURE, &format!("{H264} {more}"));
    assert_eq!(cut(&source, 25, 58).await.head, 5);
}

/// H.264 with a keyframe every 30 frames, of which the first one alone is an IDR
/// picture, made with these other parameters of x264.
fn h264_open(frames: usize, more: &str) -> Source {
    let params = format!("-x264-params open-gop=1:{more}");
    Source::make(frames, PICTURE, &format!("{H264} -pix_fmt yuv420p {params}"))
}

#[tokio::test]
async fn h264_whose_groups_are_open() {
    let all = [
        "bframes=3",
        "bframes=3:b-pyramid=none:ref=4",
        "bframes=5:b-pyramid=strict:ref=3",
        "bframes=7:b-pyramid=normal:ref=8:b-adapt=2",
        "bframes=2:ref=1:weightp=0:weightb=0",
        "bframes=3:ref=5:weightp=2:weightb=1:direct=temporal",
        "bframes=3:slices=4:ref=2:direct=spatial",
        "bframes=3:ref=16:me=umh:subme=8:mixed-refs=1:8x8dct=1:trellis=2",
        "bframes=1:b-pyramid=none:ref=6:deblock=1,1",
        "bframes=3:no-deblock=1",
    ];
    for more in all {
        let source = h264_open(130, more);
        let made = cut(&source, 25, 112).await;
        assert_eq!(made.head, 5, "{more}");
        let chained = |sample: &&OutSample| matches!(sample.data, SampleData::Chain(_));
        assert_eq!(made.track.samples.iter().filter(chained).count(), made.body, "{more}");
        assert!(made.tail < 8, "{more}: {}", made.tail);
        // With leading pictures before the body only, and from the keyframe itself.
        assert_eq!(cut(&source, 29, 64).await.head, 1, "{more}");
        assert_eq!(cut(&source, 60, 90).await.head, 0, "{more}");
        assert_eq!(cut(&source, 62, 1000).await.body, 40, "{more}");
    }
}

#[tokio::test]
async fn h264_whose_groups_are_open_of_ten_bits_and_interlaced() {
    let params = "-x264-params open-gop=1";
    let source = Source::make(100, PICTURE, &format!("{H264} -pix_fmt yuv420p10le {params}"));
    assert_eq!(cut(&source, 25, 78).await.head, 5);

    let picture = "testsrc2=s=192x108:r=50,interlace";
    let more = format!("-pix_fmt yuv420p -flags +ilme+ildct {params}");
    let mut source = Source::make(100, picture, &format!("{H264} {more}"));
    source.interlaced = true;
    assert_eq!(cut(&source, 25, 78).await.head, 5);
}

#[tokio::test]
async fn h264_whose_groups_are_open_for_longer_than_numbers_last() {
    // `frame_num` has 4 bits here, and most frames have one of their own.
    let source = h264_open(200, "bframes=1:ref=2:b-adapt=0:keyint=20:min-keyint=20");
    assert_eq!(cut(&source, 15, 190).await.head, 5);
}

#[tokio::test]
async fn h264_whose_groups_are_open_that_can_not_be_rewritten() {
    let source = h264_open(70, "no-cabac=1");
    let file = LocalFile::open(&source.bytes).unwrap();
    let times = source.times();
    let error = prepare(&file, &source.track, times[25], times[58]).await.unwrap_err();
    assert_eq!(error.kind, MediaErrorKind::Unsupported);
    assert!(error.what.contains("CABAC"), "{error}");
}

#[tokio::test]
async fn h264_whose_lengths_are_short() {
    let mut source = Source::make(70, PICTURE, &format!("{H264} -pix_fmt yuv420p"));
    source.shorten_lengths();
    let made = cut(&source, 25, 58).await;
    assert_eq!(made.head, 5);
    assert_eq!(rewritten(&made.track), made.head + made.tail);
}

#[tokio::test]
async fn parts_that_are_not_what_was_asked_for() {
    let source = Source::make(70, PICTURE, &format!("{H264} -pix_fmt yuv420p"));
    let file = LocalFile::open(&source.path).unwrap();
    let times = source.times();
    let plan = prepare(&file, &source.track, times[25], times[59]).await.unwrap();
    assert_eq!(plan.plan.tail.len(), 0);
    let refused = async |head: Option<&Source>| {
        let opened = head.map(|head| (LocalFile::open(&head.path).unwrap(), &head.track));
        let part = opened.as_ref().map(|(file, track)| FileTrack { file, track });
        let joined = join(&plan, file_track(&file, &source.track), part, None).await;
        joined.map_err(|error| error.kind)
    };
    let id = "-c:v libx264 -pix_fmt yuv420p -x264-params sps-id=1";
    assert!(refused(Some(&Source::make(5, PICTURE, id))).await.is_ok());
    for (head, why) in [
        (None, "no head"),
        (Some(Source::make(4, PICTURE, id)), "a frame too few"),
        (Some(Source::make(5, "testsrc2=s=256x144", id)), "another size"),
        (Some(Source::make(5, PICTURE, &id.replace("420p", "422p"))), "more chroma"),
        (Some(Source::make(5, PICTURE, &id.replace("yuv", "yuvj"))), "the full range"),
        (Some(Source::make(5, PICTURE, &id.replace("=1", "=0"))), "the body's own ids"),
        (Some(Source::make(5, PICTURE, "-c:v libx265 -x265-params log-level=error")), "HEVC"),
    ] {
        assert_eq!(refused(head.as_ref()).await.unwrap_err(), MediaErrorKind::Unsupported, "{why}");
    }
}

/// A body of HEVC with a keyframe every 30 frames.
fn hevc(more: &str) -> String {
    let always = "keyint=30:min-keyint=30:scenecut=0:bframes=4:b-adapt=0:log-level=error";
    format!("-c:v libx265 -preset veryfast -x265-params {always}:{more}")
}

#[tokio::test]
async fn hevc_closed_groups() {
    let more = hevc("open-gop=0");
    let source = Source::make(70, PICTURE, &format!("{more} -tag:v hvc1 -pix_fmt yuv420p"));
    let made = cut(&source, 25, 58).await;
    assert_eq!(made.head, 5);
    assert!(made.tail > 0, "two parts with ids of their own");
    assert_eq!(rewritten(&made.track), made.head + made.tail);
    assert_eq!(&made.track.track.entry.unwrap()[4..8], b"hvc1");
    assert_eq!(cut(&source, 0, 1000).await.body, 70);
}

#[tokio::test]
async fn hevc_open_groups_of_ten_bits() {
    let more = hevc("open-gop=1");
    let source = Source::make(100, PICTURE, &format!("{more} -pix_fmt yuv420p10le"));
    let made = cut(&source, 25, 88).await;
    // Leading pictures of the keyframe are among the 5 before it, and it is
    // rewritten.
    assert_eq!(made.head, 5);
    assert_eq!(rewritten(&made.track), made.head + made.tail + 1);
    assert_eq!(cut(&source, 30, 90).await.head, 0);
    assert_eq!(cut(&source, 28, 33).await.head, 2);
}

#[tokio::test]
async fn hevc_of_high_range() {
    let display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)";
    let more = hevc(&format!("hdr10=1:max-cll=1000,400:master-display={display}"));
    let source = Source::make(70, PICTURE, &format!("{more} -pix_fmt yuv420p10le"));
    assert_eq!(cut(&source, 25, 58).await.head, 5);
    let lights = |path: &Path| {
        let told = ffprobe(path, "frame_side_data=side_data_type");
        told.matches("Content light level").count()
    };
    // All frames, those of head and tail as well.
    assert_eq!(lights(&source.path), 70);
    assert_eq!(lights(&source.beside("cut-25-58.mp4")), 33);
}

/// Colours of high definition in all numbers, and of ultra high definition.
const WIDE: [&str; 2] = [
    "-pix_fmt yuv420p -color_range pc -color_primaries bt709 -color_trc bt709 -colorspace bt709",
    "-pix_fmt yuv420p10le -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc",
];

/// The sequence parameter set of a file of HEVC.
fn sps(source: &Source) -> HevcSps {
    let config = Hvcc::parse(&source.track.config).unwrap();
    HevcSps::parse(config.arrays.units_of_type(SPS).next().unwrap()).unwrap()
}

#[tokio::test]
async fn hevc_in_other_colours() {
    let colours = [
        ColourDescription { full_range: true, primaries: 1, transfer: 1, matrix: 1 },
        ColourDescription { full_range: false, primaries: 9, transfer: 16, matrix: 9 },
    ];
    // Whatever else is between the beginning of the set and its colours.
    let presets = ["ultrafast", "veryfast", "slower"];
    for (wide, colour) in WIDE.iter().zip(colours) {
        for preset in presets {
            let more = hevc("ref=5").replace("veryfast", preset);
            let picture = format!("{PICTURE},format=yuv444p,scale=out_range=pc");
            let picture = if colour.full_range { &picture } else { PICTURE };
            let source = Source::make(70, picture, &format!("{more} {wide}"));
            assert_eq!(sps(&source).colour, colour, "{preset} {wide}");
            assert_eq!(cut(&source, 25, 58).await.head, 5);
        }
    }
    let plain = Source::make(5, PICTURE, &hevc("scaling-list=default:sar=1:overscan=show"));
    assert_eq!(sps(&plain).colour, ColourDescription::UNSPECIFIED);
}

#[tokio::test]
async fn hevc_parts_in_other_colours_are_not_joined() {
    for (wide, others) in [
        (WIDE[0], [("-color_range pc", "-color_range tv"), ("bt709", "smpte170m")]),
        (WIDE[1], [("smpte2084", "arib-std-b67"), ("bt2020 ", "bt709 ")]),
    ] {
        let source = Source::make(70, PICTURE, &format!("{} {wide}", hevc("open-gop=0")));
        let file = LocalFile::open(&source.path).unwrap();
        let plan = prepare(&file, &source.track, source.times()[25], i64::MAX).await.unwrap();
        let joined = async |colours: &str| {
            let head = Source::make(5, PICTURE, &format!("{} {colours}", hevc("wpp=0")));
            let head_file = LocalFile::open(&head.path).unwrap();
            let head = Some(file_track(&head_file, &head.track));
            let joined = join(&plan, file_track(&file, &source.track), head, None).await;
            joined.map(|_| ()).map_err(|error| error.kind)
        };
        assert_eq!(joined(wide).await, Ok(()), "{wide}");
        // What nothing is told of may stand beside anything.
        let range = if wide == WIDE[0] { "-color_range pc" } else { "" };
        let format = wide.split(" -color").next().unwrap();
        assert_eq!(joined(&format!("{format} {range}")).await, Ok(()), "{wide}");
        for (from, to) in others {
            let other = wide.replace(from, to);
            assert_eq!(joined(&other).await, Err(MediaErrorKind::Unsupported), "{other}");
        }
    }
}

#[tokio::test]
async fn hevc_whose_sets_are_in_the_samples() {
    let more = hevc("open-gop=1:repeat-headers=1");
    let source = Source::make(70, PICTURE, &format!("{more} -tag:v hev1 -pix_fmt yuv420p"));
    let made = cut(&source, 25, 58).await;
    assert_eq!(made.head, 5);
    assert_eq!(&made.track.track.entry.unwrap()[4..8], b"hev1");
}

#[tokio::test]
async fn vp9() {
    let arguments = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 30 -pix_fmt yuv420p";
    let source = Source::make(70, PICTURE, arguments);
    let made = cut(&source, 25, 58).await;
    assert_eq!((made.head, made.body, made.tail), (5, 28, 0));
    assert_eq!(cut(&source, 30, 31).await.body, 1);
}

#[tokio::test]
async fn av1() {
    let arguments = "-c:v libsvtav1 -preset 12 -g 30 -pix_fmt yuv420p";
    let source = Source::make(70, PICTURE, arguments);
    let made = cut(&source, 25, 58).await;
    assert_eq!((made.head, made.body, made.tail), (5, 28, 0));
    assert_eq!(cut(&source, 30, 1000).await.body, 40);
}

#[tokio::test]
async fn av1_whose_sequence_header_is_beside_the_samples() {
    let arguments = "-c:v libsvtav1 -preset 12 -g 30 -pix_fmt yuv420p";
    let mut source = Source::make(70, PICTURE, arguments);
    let bytes = std::fs::read(&source.path).unwrap();
    let key = &mut source.track.samples[30];
    let sample = &bytes[key.offset as usize..][..key.size as usize];
    let header = find_sequence_header(sample).unwrap().unwrap().whole;
    key.offset += header.len() as u64;
    key.size -= header.len() as u32;
    // What this encoder says beforehand isn't quite what it then does.
    source.track.config.splice(4.., header.to_vec());
    let made = cut(&source, 25, 58).await;
    assert_eq!(made.track.samples[5].data, SampleData::Generated(sample.to_vec()));
    assert_eq!(rewritten(&made.track), 1);
}

#[tokio::test]
async fn vp8() {
    let arguments = "-c:v libvpx -deadline realtime -cpu-used 8 -g 30 -pix_fmt yuv420p";
    let source = Source::matroska(70, arguments, "webm").await;
    let made = cut(&source, 25, 58).await;
    assert_eq!((made.head, made.body, made.tail), (5, 28, 0));
}

#[tokio::test]
async fn h264_from_matroska() {
    let source = Source::matroska(70, &format!("{H264} -pix_fmt yuv420p"), "mkv").await;
    let made = cut(&source, 25, 58).await;
    assert_eq!(made.head, 5);
    assert_eq!(made.track.track.entry, None);
}
