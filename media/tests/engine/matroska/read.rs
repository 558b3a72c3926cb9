//! Every frame is found where ffprobe finds it.

use clipmill_media::{CodecId, LocalFile, TrackKind, matroska};

use super::inputs;
use super::judge::packets;

#[tokio::test]
async fn every_frame_is_where_ffprobe_finds_it() {
    for path in inputs::all() {
        let media = matroska::read(&LocalFile::open(path).unwrap()).await.unwrap();
        let told = packets(path);
        for (stream, track) in media.tracks.iter().enumerate() {
            let own: Vec<_> = told.iter().filter(|packet| packet.stream == stream).collect();
            assert_eq!(own.len(), track.samples.len(), "{path:?}");
            assert_eq!(track.timescale.get(), 1000);
            for (packet, sample) in own.into_iter().zip(&track.samples) {
                assert_eq!(sample.pts, packet.pts, "{path:?} {packet:?}");
                assert_eq!(u64::from(sample.size), packet.size, "{path:?} {packet:?}");
                assert_eq!(sample.sync, packet.key, "{path:?} {packet:?}");
                let head = sample.offset - packet.at;
                assert!((4..16).contains(&head), "{path:?} {packet:?} {head}");
                assert!((1..100).contains(&sample.duration), "{path:?} {sample:?}");
            }
        }
    }
}

#[tokio::test]
async fn tracks_tell_what_a_decoder_needs() {
    let media = matroska::read(&LocalFile::open(inputs::vp9()).unwrap()).await.unwrap();
    let (picture, sound) = (media.video_track().unwrap(), media.audio_tracks().next().unwrap());
    assert_eq!((picture.codec.clone(), picture.width, picture.height), (CodecId::Vp9, 320, 180));
    assert_eq!(picture.config[..4], [1, 0, 0, 0]);
    assert_eq!(picture.config[6] >> 4, 8);
    assert_eq!(
        (sound.codec.clone(), sound.sample_rate, sound.channels),
        (CodecId::Opus, 48_000, 1)
    );
    assert!(sound.config.starts_with(b"OpusHead"));
    let media = matroska::read(&LocalFile::open(inputs::avc()).unwrap()).await.unwrap();
    assert_eq!(media.video_track().unwrap().config[0], 1);
    assert_eq!(media.audio_tracks().next().unwrap().config[..2], [0x12, 0x08]);
    let media = matroska::read(&LocalFile::open(inputs::av1()).unwrap()).await.unwrap();
    assert_eq!(media.video_track().unwrap().config[0], 0x81);
}

#[tokio::test]
async fn milliseconds_return_to_the_grid_they_were_rounded_from() {
    let grids = [(inputs::vp9(), 30_000, 1001, 960), (inputs::avc(), 25_000, 1000, 1024)];
    for (path, ticks, frame, packet) in grids {
        let media = matroska::read(&LocalFile::open(path).unwrap()).await.unwrap();
        for rough in media.tracks {
            let mut track = rough.clone();
            assert!(matroska::snap_to_grid(&mut track), "{path:?}");
            let picture = track.kind == TrackKind::Video;
            let (ticks, each) = if picture { (ticks, frame) } else { (track.sample_rate, packet) };
            assert_eq!(track.timescale.get(), ticks);
            let mut pts: Vec<_> = track.samples.iter().map(|sample| sample.pts).collect();
            pts.sort_unstable();
            assert!(pts.windows(2).all(|pair| pair[1] - pair[0] == each), "{path:?}");
            assert!(track.samples.iter().all(|sample| i64::from(sample.duration) == each));
            for (even, rough) in track.samples.iter().zip(&rough.samples) {
                let off = track.seconds(even.pts) - rough.pts as f64 / 1000.0;
                assert!((-0.0006..0.001).contains(&off), "{path:?} {even:?} {rough:?}");
            }
            if track.codec == CodecId::Opus {
                assert_eq!(pts[0], -312);
            }
        }
    }
}
