//! Good bytes to begin with: small files that `ffmpeg` makes, and texts.

use crate::mp4::fixtures::{generate, remux};

const SMALL: &str = "-vf scale=64:36 -c:v libx264 -preset ultrafast -crf 40 -g 10 -bf 2 \
                     -c:a aac -b:a 16k";

/// MP4 with tables, with fragments, with and without an index, of two codecs.
pub fn mp4() -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let plain = generate(dir.path(), "plain.mp4", 2, SMALL);
    let hevc = "-vf scale=64:64 -c:v libx265 -preset ultrafast -tag:v hvc1 -an \
                -x265-params log-level=error:keyint=10";
    let open = "-vf scale=64:64 -c:v libx264 -an -x264-params open-gop=1:keyint=8:min-keyint=8";
    let all = [
        remux(&plain, "front.mp4", "IN -c copy -movflags +faststart"),
        remux(&plain, "late.mov", "-itsoffset 0.5 IN -c copy"),
        remux(&plain, "index.mp4", "IN -c copy -movflags +dash+frag_keyframe+global_sidx"),
        remux(&plain, "bare.mp4", "IN -c copy -movflags +empty_moov+frag_keyframe"),
        generate(dir.path(), "hevc.mp4", 1, hevc),
        generate(dir.path(), "open.mp4", 1, open),
        plain.clone(),
    ];
    all.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Matroska with and without cues, with laced and with unknown sizes.
pub fn webm() -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let vp9 = "-vf scale=64:36 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 20k -g 10 \
               -c:a libopus -b:a 16k";
    let plain = generate(dir.path(), "plain.webm", 2, vp9);
    let all = [
        remux(&plain, "front.webm", "IN -c copy -cues_to_front 1 -cluster_time_limit 400"),
        remux(&plain, "live.webm", "IN -c copy -live 1"),
        generate(dir.path(), "h264.mkv", 2, SMALL),
        plain.clone(),
    ];
    all.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// MPEG-TS.
pub fn ts() -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    vec![std::fs::read(generate(dir.path(), "plain.ts", 1, SMALL)).unwrap()]
}

/// Playlists of HLS.
pub fn hls() -> Vec<Vec<u8>> {
    let master = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",DEFAULT=YES,\
        URI=\"a.m3u8\"\n#EXT-X-STREAM-INF:BANDWIDTH=1280000,RESOLUTION=640x360,\
        CODECS=\"avc1.4d401e,mp4a.40.2\",AUDIO=\"a\",FRAME-RATE=29.97\nv.m3u8\n";
    let media = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:3\n\
        #EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0x000102030405060708090a0b0c0d0e0f\n\
        #EXT-X-MAP:URI=\"i.mp4\",BYTERANGE=\"800@0\"\n\
        #EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.678Z\n#EXTINF:5.96,\n\
        #EXT-X-BYTERANGE:1000@800\ns.mp4\n#EXT-X-DISCONTINUITY\n#EXTINF:6,t\n\
        #EXT-X-BYTERANGE:900\ns.mp4\n#EXT-X-ENDLIST\n";
    [master, media].map(|text| text.as_bytes().to_vec()).to_vec()
}

/// Manifests of DASH.
pub fn dash() -> Vec<Vec<u8>> {
    let manifest = |inner: &str| {
        format!(
            "<?xml version=\"1.0\"?><MPD type=\"static\" mediaPresentationDuration=\"PT1M8.5S\">\
             <BaseURL>b/</BaseURL><Period start=\"PT0S\"><AdaptationSet mimeType=\"video/mp4\">\
             {inner}</AdaptationSet></Period></MPD>"
        )
    };
    let of = |addressing: &str| {
        manifest(&format!(
            "<Representation id=\"0\" bandwidth=\"1000\" codecs=\"avc1.4d401e\" width=\"64\" \
             height=\"36\" frameRate=\"30/1\">{addressing}</Representation>"
        ))
    };
    let all = [
        of("<SegmentTemplate timescale=\"1000\" duration=\"4000\" startNumber=\"1\" \
            initialization=\"i-$RepresentationID$.mp4\" media=\"s-$Number%05d$.m4s\"/>"),
        of("<SegmentTemplate timescale=\"90000\" presentationTimeOffset=\"9\" \
            initialization=\"i\" media=\"s-$Time$\"><SegmentTimeline><S t=\"9\" d=\"360000\" \
            r=\"3\"/><S d=\"180000\" r=\"-1\"/></SegmentTimeline></SegmentTemplate>"),
        of("<SegmentList timescale=\"1000\" duration=\"4000\"><Initialization \
            range=\"0-796\"/><SegmentURL mediaRange=\"797-72958\"/><SegmentURL \
            media=\"x\"/></SegmentList>"),
        of("<SegmentBase indexRange=\"800-911\"><Initialization range=\"0-799\"/></SegmentBase>"),
    ];
    all.map(String::into_bytes).to_vec()
}
