//! One file through the pipeline with one codec.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clipmill_core::{Clock, Id, net};
use clipmill_pipeline::ffmpeg::Tools;
use clipmill_pipeline::{JobRequest, Pipeline, ProgressReporter, Rendition, SourceRequest};
use clipmill_plugins::{Codec, Handler, Order, Registry};

use crate::cli::error::CommandError;
use crate::cli::local_job::{run_stages, work_folder_beside, work_folder_in};
use crate::config::Config;

/// What is encoded, and how.
pub struct TestEncode<'a> {
    /// The codec.
    pub codec: &'a Arc<dyn Codec>,
    /// One of its qualities.
    pub quality: &'a str,
    /// The file to encode.
    pub file: &'a Path,
    /// Where the result goes; none when it is not kept.
    pub output: Option<&'a Path>,
}

/// What came out.
pub struct TestEncoded {
    /// Where it is; none when it was not kept.
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

/// Encodes a file with one codec.
pub async fn encode_file(
    config: &Config,
    client: net::Client,
    tools: Tools,
    test: TestEncode<'_>,
) -> Result<TestEncoded, CommandError> {
    let folder = match test.output {
        Some(output) => work_folder_beside(output)?,
        None => work_folder_in(&std::env::temp_dir())?,
    };
    let handlers = vec![Handler::Codec(test.codec.clone())];
    let registry = Arc::new(Registry::new(handlers, Order::default()));
    let pipeline = Pipeline::new(config.pipeline(), tools, registry, client, Clock::system());
    let request = JobRequest {
        id: Id::generate(chrono::Utc::now()),
        folder: folder.path().to_owned(),
        source: SourceRequest::Local { path: test.file.to_owned(), span: None },
        rendition: Rendition::Encode {
            codec: test.codec.describe().name,
            quality: test.quality.to_owned(),
        },
    };
    let progress = ProgressReporter::default();
    let encoded = tokio::select! {
        encoded = run_stages(&pipeline, request, &progress) => encoded?,
        _ = tokio::signal::ctrl_c() => return Err(CommandError::interrupted()),
    };
    if let Some(output) = test.output {
        std::fs::rename(&encoded.path, output)?;
    }
    let video = encoded.probe.video.as_ref();
    Ok(TestEncoded {
        path: test.output.map(Path::to_owned),
        size: encoded.probe.size,
        duration: encoded.probe.duration,
        width: video.map_or(0, |video| video.width),
        height: video.map_or(0, |video| video.height),
        note: encoded.note,
    })
}
