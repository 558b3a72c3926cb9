#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use crate::MediaErrorKind;

fn media(text: &str) -> MediaPlaylist {
    match Playlist::parse(text.as_bytes()).unwrap() {
        Playlist::Media(media) => media,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_media_playlist_is_read() {
    let list = media(
        "\u{feff}#EXTM3U\r\n#EXT-X-VERSION:7\r\n#EXT-X-TARGETDURATION:6\r\n\
         #EXT-X-MEDIA-SEQUENCE:100\r\n#EXT-X-DISCONTINUITY-SEQUENCE:3\r\n\
         #EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"700@0\"\r\n\
         #EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:10Z\r\n\
         #EXTINF:5.005,a title, with comma\r\n#EXT-X-BYTERANGE:1000@700\r\nall.mp4\r\n\
         #EXTINF:4\r\n#EXT-X-BYTERANGE:500\r\nall.mp4\r\n\r\n\
         #EXT-X-DISCONTINUITY\r\n#EXT-X-MAP:URI=\"other.mp4\"\r\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"k?a=1,2\",IV=0x0f\r\n#EXT-X-GAP\r\n#EXTINF:3.5,\r\nb.mp4\r\n\
         #EXT-X-KEY:METHOD=NONE\r\n#EXTINF:2,\r\nc.mp4\r\n#EXT-X-ENDLIST\r\n",
    );
    assert!(list.ended);
    assert_eq!(list.target_duration, 6.0);
    let [a, b, c, d] = list.segments.as_slice() else { panic!("{list:?}") };
    assert_eq!(
        (a.range.clone(), b.range.clone(), c.range.clone()),
        (Some(700..1700), Some(1700..2200), None)
    );
    assert_eq!((a.sequence, d.sequence, a.discontinuity, c.discontinuity), (100, 103, 3, 4));
    assert_eq!((a.map, c.map, a.key, c.key, d.key), (Some(0), Some(1), None, Some(0), None));
    assert_eq!(list.maps[0].range, Some(0..700));
    let mut iv = [0; 16];
    iv[15] = 15;
    let key =
        SegmentKey { method: EncryptionMethod::Aes128, uri: Some("k?a=1,2".into()), iv: Some(iv) };
    assert_eq!(list.keys, [key]);
    assert!(c.gap && !d.gap);
    assert_eq!(list.starts(), [0.0, 5.005, 9.005, 12.505]);
    let began = 1_767_225_610_000_000;
    let at = [0, 5_005_000, 9_005_000, 12_505_000].map(|micros| began + micros);
    assert_eq!(list.program_times().unwrap(), at);
}

#[test]
fn a_moment_told_late_counts_back_too() {
    let list = media(
        "#EXTM3U\n#EXTINF:4,\na\n#EXTINF:4,\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:10Z\nb\n",
    );
    assert_eq!(list.program_times().unwrap(), [6_000_000, 10_000_000]);
    assert!(!list.ended);
    assert_eq!(media("#EXTM3U\n#EXTINF:4,\na\n").program_times(), None);
}

#[test]
fn a_master_playlist_is_read() {
    let text = "#EXTM3U\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,URI=\"a/en.m3u8\"\n\
        #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"x\",URI=\"s.m3u8\"\n\
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"i.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=2000000,RESOLUTION=1280x720,CODECS=\"avc1.64001f,mp4a.40.2\",FRAME-RATE=29.970,AUDIO=\"aac\"\n\
        # a comment\n720.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS=\"mp4a.40.2\"\naudio.m3u8\n";
    let Playlist::Master(master) = Playlist::parse(text.as_bytes()).unwrap() else { panic!() };
    assert_eq!(master.variants.len(), 2);
    let variant = &master.variants[0];
    assert_eq!(variant.uri, "720.m3u8");
    assert_eq!((variant.resolution, variant.bandwidth), (Some((1280, 720)), Some(2_000_000)));
    assert_eq!(variant.codecs, ["avc1.64001f", "mp4a.40.2"]);
    assert_eq!((variant.frame_rate, variant.audio_group.as_deref()), (Some(29.97), Some("aac")));
    assert_eq!(master.audio.len(), 1);
    assert!(master.audio[0].default);
    assert_eq!(master.audio[0].uri.as_deref(), Some("a/en.m3u8"));
}

#[test]
fn hostile_texts_are_refused() {
    let kind = |text: &str| Playlist::parse(text.as_bytes()).unwrap_err().kind;
    for text in [
        "",
        "hello",
        "#EXTM3U\nsegment.ts\n",
        "#EXTM3U\n#EXTINF:-1,\na\n",
        "#EXTM3U\n#EXTINF:NaN,\na\n",
        "#EXTM3U\n#EXTINF:1e300,\na\n",
        "#EXTM3U\n#EXTINF:4,\n#EXT-X-BYTERANGE:5\na\n",
        "#EXTM3U\n#EXT-X-BYTERANGE:18446744073709551615@2\n#EXTINF:4,\na\n",
        "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:18446744073709551615\n#EXTINF:4,\na\n",
        "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,IV=0x+1\n",
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n",
    ] {
        assert_eq!(kind(text), MediaErrorKind::Damaged, "{text:?}");
    }
    let endless = format!("#EXTM3U\n{}", "#EXTINF:1,\na\n".repeat(media_playlist::SEGMENTS + 1));
    assert_eq!(kind(&endless), MediaErrorKind::TooLarge);
    // Any bytes do no harm.
    for n in 0..endless.len().min(400) {
        let _ = Playlist::parse(&endless.as_bytes()[..n]);
    }
    let strange = "#EXTM3U\n#EXT-X-STREAM-INF:=,==\",\"A=\"\nx\n#EXT-X-MEDIA:\n";
    assert!(Playlist::parse(strange.as_bytes()).is_ok());
}
