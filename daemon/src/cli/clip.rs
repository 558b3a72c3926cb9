//! `clipmill clip`: the main job in one line.

use std::path::{Path, PathBuf};

use clipmill_core::probe::Container;
use clipmill_core::{OutputFormat, Span};
use clipmill_pipeline::{Rendition, SourceRequest, SpanRequest};
use clipmill_plugins::builtin::http::names_list;
use clipmill_plugins::builtin::ytdlp::youtube;
use url::Url;

use super::arguments::ClipArguments;
use super::error::CommandError;
use super::local_job::{LocalTarget, OutputPath, run_local_job};
use crate::config::Config;

/// Runs the command.
pub async fn run(mut config: Config, clip: ClipArguments) -> Result<(), CommandError> {
    if clip.to <= clip.from {
        return Err(CommandError::usage("--to must be later than --from"));
    }
    let span = Span { start: clip.from, end: clip.to };
    let rendition = Rendition::Clip {
        format: clip
            .format
            .or_else(|| clip.output.as_deref().and_then(named_format))
            .unwrap_or(config.clips.format),
        resolution: clip.resolution.unwrap_or(config.clips.resolution),
    };
    let output = match clip.output {
        Some(path) => OutputPath::File(path),
        None => OutputPath::Stem(PathBuf::from("clip")),
    };
    let source = source(&clip.source, span)?;
    // The person at this machine may use any site, unlike a client of the server.
    // An address that is named like a media file needs no source to resolve it.
    if matches!(&source, SourceRequest::Remote { url, .. } if !is_named_like_media(url)) {
        config.clips.hosts = vec!["*".to_owned()];
    }
    let target = LocalTarget::Clip(rendition, output);
    run_local_job(&config, source, target, clip.report).await
}

/// The format that a file's name asks for.
fn named_format(path: &Path) -> Option<OutputFormat> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    extension.parse().ok().filter(|format| *format != OutputFormat::Best)
}

fn is_named_like_media(url: &Url) -> bool {
    let extension = Path::new(url.path()).extension().and_then(|extension| extension.to_str());
    let is_media = |extension| Container::from_extension(extension) != Container::Other;
    names_list(url) || extension.is_some_and(is_media)
}

/// A local file when there is one of that name, else an address.
fn source(text: &str, span: Span) -> Result<SourceRequest, CommandError> {
    let path = Path::new(text);
    if path.is_file() {
        return Ok(SourceRequest::Local { path: path.to_owned(), span: Some(span) });
    }
    let url = match youtube::video_id_of_text(text) {
        Some(id) => youtube::watch_url(&id),
        None => Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https")),
    };
    let url = url.ok_or_else(|| {
        CommandError::usage(format!("`{text}` is neither a file here nor an http(s) address"))
    })?;
    Ok(SourceRequest::Remote { url, span: SpanRequest::Fixed(span) })
}
