//! One file through the pipeline with one codec.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clipmill_core::Id;
use clipmill_core::net;
use clipmill_pipeline::ffmpeg::Tools;
use clipmill_pipeline::{JobRequest, Pipeline, ProgressReporter, Rendition, SourceRequest};
use clipmill_plugins::{Codec, Handler, Order, Registry};

use crate::cli::exit::Failure;
use crate::cli::walk::stages;
use crate::config::Config;

/// What came out.
pub struct Encoded {
    /// Where it is; none when it was not to be kept.
    pub path: Option<PathBuf>,
    /// Bytes.
    pub size: u64,
    /// Seconds, if that is known.
    pub duration: Option<f64>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// What a person should know of it.
    pub note: Option<String>,
}

/// Encodes `file`, into `output` if there is one.
pub async fn encode(
    config: &Config,
    client: net::Client,
    tools: Tools,
    codec: &Arc<dyn Codec>,
    quality: &str,
    file: &Path,
    output: Option<&Path>,
) -> Result<Encoded, Failure> {
    let near = output.and_then(Path::parent).filter(|path| !path.as_os_str().is_empty());
    let near = match (near, output) {
        (Some(near), _) => near.to_owned(),
        (None, Some(_)) => PathBuf::from("."),
        (None, None) => std::env::temp_dir(),
    };
    let folder = tempfile::Builder::new()
        .prefix(".clipmill-")
        .tempdir_in(&near)
        .map_err(|error| Failure::usage(format!("{} can't be written: {error}", near.display())))?;
    let handlers = vec![Handler::Codec(codec.clone())];
    let registry = Arc::new(Registry::new(handlers, Order::default()));
    let pipeline = Pipeline::new(config.pipeline(), tools, registry, client);
    let name = codec.describe().name;
    let ask = JobRequest {
        id: Id::generate(chrono::Utc::now()),
        folder: folder.path().to_owned(),
        source: SourceRequest::Local { path: file.to_owned(), span: None },
        rendition: Rendition::Encode { codec: name, quality: quality.to_owned() },
    };
    let progress = ProgressReporter::default();
    let made = tokio::select! {
        made = stages(&pipeline, ask, &progress) => made?,
        _ = tokio::signal::ctrl_c() => {
            return Err(Failure {
                exit: 130,
                code: clipmill_core::Code::Interrupted,
                message: "interrupted; nothing was kept".to_owned(),
            });
        }
    };
    if let Some(output) = output {
        std::fs::rename(&made.path, output)?;
    }
    let video = made.probe.video.as_ref();
    Ok(Encoded {
        path: output.map(Path::to_owned),
        size: made.probe.size,
        duration: made.probe.duration,
        width: video.map_or(0, |video| video.width),
        height: video.map_or(0, |video| video.height),
        note: made.note,
    })
}
