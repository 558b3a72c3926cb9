//! A zoo of odd inputs: each kind is made by a recipe of a few lines, cut at four spans over every
//! road that leads to it, and judged by a full decode of the source and of the result.
//!
//! [`recipes`] has the kinds, [`judge`] says what is right, [`edit_list`] writes what ffmpeg does
//! not. `make corpus` runs these alone.

mod edit_list;
mod judge;
mod recipes;

use std::collections::BTreeMap;
use std::path::Path;

use clipmill_core::Code;
use clipmill_core::probe::{AudioTrack, Container, Format, Transport, VideoTrack};
use clipmill_pipeline::SourceRequest;
use clipmill_tests::MediaServer;

use self::judge::Presentation;
use self::recipes::{RECIPES, Recipe};
use super::bench::{Bench, clip, local, remote};

/// Off a keyframe, over a third, to the end, and whole; parts of the presentation's length.
const SPANS: [(f64, f64); 4] = [(0.113, 0.32), (0.0, 0.333), (0.714, 1.5), (0.0, 1.5)];

#[tokio::test]
async fn every_kind_is_cut_as_its_decoder_presents_it() {
    let mut wrong = Vec::new();
    let kinds = std::env::var("CLIPMILL_TEST_CORPUS").unwrap_or_default();
    for recipe in RECIPES.iter().filter(|recipe| recipe.kind.contains(&kinds)) {
        wrong.extend(try_kind(recipe).await);
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is wrong with the clips of a kind.
async fn try_kind(recipe: &Recipe) -> Vec<String> {
    let (bench, server) = (Bench::new().await, MediaServer::new());
    let folder = tempfile::tempdir().unwrap();
    let input = (recipe.make)(folder.path());
    server.folder("/x/", folder.path());
    let name = input.file.file_name().unwrap().to_str().unwrap().to_owned();
    bench.offers(
        input.presentation.length() + 1.0,
        vec![offered(&input.file, &server.url(&format!("/x/{name}")))],
    );
    let mut wrong = Vec::new();
    for (start, end) in SPANS {
        let length = input.presentation.length();
        let span = (start * length, end * length);
        let mut roads = vec![("served", remote(span.0, span.1))];
        if !input.is_playlist {
            roads.push(("local", local(&input.file, Some(span))));
        }
        for (road, source) in roads {
            if let Err(problem) = judged(&bench, source, &input.presentation, span).await {
                wrong.push(format!("{} {road} {span:.3?}: {problem}", recipe.kind));
            }
        }
    }
    wrong
}

async fn judged(
    bench: &Bench,
    source: SourceRequest,
    presentation: &Presentation,
    span: (f64, f64),
) -> Result<(), String> {
    let wanted = presentation.within(span);
    match bench.make(source, clip("mp4")).await {
        Ok(made) => {
            wanted.judge(&made.path).map_err(|problem| format!("{problem}; {:?}", made.note))
        }
        Err(error) if wanted.frames.is_empty() && error.code == Code::NoSuchSpan => Ok(()),
        Err(error) => Err(format!("refused: {error:?}")),
    }
}

/// The one format of a source that is this file.
fn offered(file: &Path, url: &str) -> Format {
    let extension = file.extension().unwrap().to_str().unwrap();
    let (url, headers) = (url.parse().unwrap(), BTreeMap::new());
    let transport = match extension {
        "m3u8" => Transport::Hls { url, headers },
        _ => Transport::Progressive { url, headers },
    };
    Format {
        id: "x".to_owned(),
        container: Container::from_extension(extension),
        video: Some(VideoTrack { codec: None, width: Some(640), height: Some(360), fps: None }),
        audio: Some(AudioTrack::default()),
        bitrate: None,
        size: None,
        transport,
    }
}
