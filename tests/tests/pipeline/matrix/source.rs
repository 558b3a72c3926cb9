//! Hands a clip to the pipeline: as a local file, or from a server of its own.

use std::collections::BTreeMap;

use clipmill_core::probe::{AudioTrack, Container, Format, Transport, VideoTrack};
use clipmill_pipeline::SourceRequest;
use clipmill_tests::MediaServer;
use clipmill_tests::media::{Clip, Packaging};

use super::super::bench::{Bench, local, remote};
use super::table::Row;

/// What to ask for, and the server that has to live as long.
pub struct Asked {
    pub source: SourceRequest,
    pub server: Option<MediaServer>,
}

/// Asks for a span of a row's clip.
pub fn ask(bench: &Bench, row: &Row, span: (f64, f64)) -> Asked {
    let file = row.clip.file();
    if !row.remote {
        return Asked { source: local(file, Some(span)), server: None };
    }
    let server = MediaServer::new();
    server.folder("/", file.parent().unwrap());
    let url = server.url(&format!("/{}", file.file_name().unwrap().to_str().unwrap()));
    bench.offers(row.clip.seconds(), formats(&row.clip, &url));
    Asked { source: remote(span.0, span.1), server: Some(server) }
}

/// As a source offers it: DASH has its tracks apart.
fn formats(clip: &Clip, url: &str) -> Vec<Format> {
    let (url, headers) = (url.parse().unwrap(), BTreeMap::new());
    let (transport, apart) = match clip.packaging {
        Packaging::HlsTs | Packaging::HlsFmp4 | Packaging::HlsRanges => {
            (Transport::Hls { url, headers }, false)
        }
        Packaging::DashTemplate | Packaging::DashList | Packaging::DashBase => {
            (Transport::Dash { url, headers }, true)
        }
        _ => (Transport::Progressive { url, headers }, false),
    };
    let container = match clip.packaging {
        Packaging::File(extension) => Container::from_extension(extension),
        Packaging::HlsTs => Container::Ts,
        _ => Container::Mp4,
    };
    let format = |id: &str, picture: bool, sound: bool| Format {
        id: id.to_owned(),
        container,
        video: picture.then_some(VideoTrack {
            codec: None,
            width: Some(clip.width),
            height: Some(clip.height),
            fps: None,
        }),
        audio: sound.then(AudioTrack::default),
        bitrate: None,
        size: None,
        transport: transport.clone(),
    };
    match (apart, clip.audio.is_some()) {
        (true, true) => vec![format("0", true, false), format("1", false, true)],
        (_, sound) => vec![format("0", true, sound)],
    }
}
