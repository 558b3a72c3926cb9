//! One job without a server: the pipeline, ending in a local file.

use std::path::{Path, PathBuf};

use clipmill_core::{Clock, Code, Error, Id};
use clipmill_pipeline::{
    Encoded, JobRequest, Pipeline, ProgressReporter, Rendition, SourceRequest,
};
use clipmill_plugins::Registry;
use serde_json::json;
use tempfile::TempDir;

use super::arguments::ReportArguments;
use super::error::CommandError;
use super::reporter::CommandReporter;
use super::setup;
use crate::config::{BUILT_IN, Config};

/// Where the file goes.
pub enum OutputPath {
    /// To this name.
    File(PathBuf),
    /// To this name with the extension of what comes out.
    Stem(PathBuf),
}

/// What comes out, and where it goes.
pub enum LocalTarget {
    /// A clip.
    Clip(Rendition, OutputPath),
    /// What a codec produces.
    Encode {
        /// Its name.
        codec: String,
        /// One of its qualities; none for its usual one.
        quality: Option<String>,
        /// The file; none for one that is called after the input.
        output: Option<PathBuf>,
        /// The name of the input, without its extension.
        stem: PathBuf,
    },
}

/// The quality where none is named, if the codec has it.
const USUAL_QUALITY: &str = "high";

impl LocalTarget {
    /// The file, where the command names one.
    fn file(&self) -> Option<&Path> {
        match self {
            LocalTarget::Clip(_, OutputPath::File(path)) => Some(path),
            LocalTarget::Clip(_, OutputPath::Stem(_)) => None,
            LocalTarget::Encode { output, .. } => output.as_deref(),
        }
    }

    /// Whether a plugin may be needed: built-in codecs are found without loading
    /// plugins.
    fn needs_plugins(&self) -> bool {
        match self {
            LocalTarget::Clip(..) => false,
            LocalTarget::Encode { codec, .. } => !BUILT_IN.contains(&codec.as_str()),
        }
    }

    /// The target with what the codec itself decides.
    ///
    /// # Errors
    /// When there is no such codec.
    fn resolve(self, registry: &Registry) -> Result<(Rendition, OutputPath), CommandError> {
        let (codec, quality, output, stem) = match self {
            LocalTarget::Clip(rendition, output) => return Ok((rendition, output)),
            LocalTarget::Encode { codec, quality, output, stem } => (codec, quality, output, stem),
        };
        let description =
            registry.codec(&codec).map(|codec| codec.describe()).ok_or_else(|| {
                let all = registry.offered_codecs();
                let names: Vec<String> = all.iter().map(|codec| codec.describe().name).collect();
                let names = names.join(", ");
                let message = format!("there is no codec named {codec}; there are: {names}");
                CommandError::new(2, Code::UnknownCodec, message)
            })?;
        let qualities = &description.qualities;
        let usual = qualities.iter().find(|quality| *quality == USUAL_QUALITY);
        let usual = usual.or(qualities.first()).cloned().unwrap_or_default();
        let quality = quality.unwrap_or(usual);
        let output = output.map_or_else(
            || {
                let mut name = stem.into_os_string();
                name.push(format!("_{codec}_{quality}"));
                OutputPath::Stem(name.into())
            },
            OutputPath::File,
        );
        Ok((Rendition::Encode { codec, quality }, output))
    }
}

/// Produces the file. Nothing is left behind when it fails or is interrupted.
pub async fn run_local_job(
    config: &Config,
    source: SourceRequest,
    target: LocalTarget,
    report: ReportArguments,
) -> Result<(), CommandError> {
    let reporter = CommandReporter::new(report.json);
    let produced = tokio::select! {
        produced = produce(config, source, target, report.force, &reporter) => produced,
        _ = tokio::signal::ctrl_c() => Err(CommandError::interrupted()),
    };
    if let Err(error) = &produced {
        reporter.failed(error);
    }
    produced
}

async fn produce(
    config: &Config,
    source: SourceRequest,
    target: LocalTarget,
    force: bool,
    reporter: &CommandReporter,
) -> Result<(), CommandError> {
    if let Some(path) = target.file() {
        refuse_existing(path, force)?;
    }
    let plugins = match source {
        SourceRequest::Remote { .. } => setup::PluginUse::IfAny,
        _ if target.needs_plugins() => setup::PluginUse::IfAny,
        _ => setup::PluginUse::None,
    };
    let engine = setup::media_engine(config, plugins, Clock::system()).await?;
    let (rendition, output) = target.resolve(&engine.registry)?;
    let folder = match &output {
        OutputPath::File(path) | OutputPath::Stem(path) => work_folder_beside(path)?,
    };
    let request = JobRequest {
        id: Id::generate(chrono::Utc::now()),
        folder: folder.path().to_owned(),
        source,
        rendition,
    };
    let progress = ProgressReporter::default();
    let encoded = tokio::select! {
        encoded = run_stages(&engine.pipeline, request, &progress) => encoded?,
        never = reporter.follow(progress.watch()) => match never {},
    };
    let path = match output {
        OutputPath::File(path) => path,
        OutputPath::Stem(stem) => {
            let mut name = stem.into_os_string();
            name.push(format!(".{}", encoded.extension));
            PathBuf::from(name)
        }
    };
    refuse_existing(&path, force)?;
    std::fs::rename(&encoded.path, &path)?;
    report_done(reporter, &path, &encoded);
    Ok(())
}

/// A temporary folder beside `path`, so that the finished file only has to be
/// renamed.
pub(super) fn work_folder_beside(path: &Path) -> Result<TempDir, CommandError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    work_folder_in(folder.unwrap_or(Path::new(".")))
}

/// A temporary folder in `folder`.
pub(super) fn work_folder_in(folder: &Path) -> Result<TempDir, CommandError> {
    tempfile::Builder::new().prefix(".clipmill-").tempdir_in(folder).map_err(|error| {
        CommandError::usage(format!("{} can't be written: {error}", folder.display()))
    })
}

/// The stages, without the last one: a local file needs no store.
pub(super) async fn run_stages(
    pipeline: &Pipeline,
    request: JobRequest,
    progress: &ProgressReporter,
) -> Result<Encoded, Error> {
    let fetched = pipeline.fetch(request, progress).await?;
    let trimmed = pipeline.trim(fetched).await?;
    pipeline.transcode(trimmed, progress).await
}

/// Refuses to write over a file without `--force`.
pub(super) fn refuse_existing(path: &Path, force: bool) -> Result<(), CommandError> {
    if !force && path.exists() {
        return Err(CommandError::usage(format!(
            "{} exists already; choose another name or add --force",
            path.display()
        )));
    }
    Ok(())
}

fn report_done(reporter: &CommandReporter, path: &Path, encoded: &Encoded) {
    let video = encoded.probe.video.as_ref();
    let event = json!({
        "event": "done",
        "path": path,
        "size_bytes": encoded.probe.size,
        "duration": encoded.probe.duration,
        "width": video.map(|video| video.width),
        "height": video.map(|video| video.height),
        "video_codec": video.map(|video| &video.codec),
        "copied_frames": encoded.copied_frames,
        "note": encoded.note,
    });
    let size = encoded.probe.size as f64 / f64::from(1 << 20);
    let length = encoded.probe.duration.unwrap_or_default();
    let mut line = format!("{}  {length:.2} s  {size:.1} MiB", path.display());
    if let Some(note) = &encoded.note {
        line.push_str(&format!("\nnote: {note}"));
    }
    reporter.done(&event, &line);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::sync::Arc;

    use async_trait::async_trait;
    use clipmill_core::probe::{Container, Probe};
    use clipmill_core::{Code, Error};
    use clipmill_plugins::builtin::codecs::H264;
    use clipmill_plugins::{Codec, CodecDescription, Encoders, Handler, Order, Plan};

    use super::*;

    struct Gif;

    #[async_trait]
    impl Codec for Gif {
        fn describe(&self) -> CodecDescription {
            CodecDescription {
                name: "gif".into(),
                qualities: vec!["fine".into(), "coarse".into()],
                container: Container::Other,
                mime: "image/gif".into(),
                extension: "gif".into(),
                offered: true,
            }
        }

        async fn plan(&self, _: &Probe, _: &str, _: &Encoders) -> Result<Plan, Error> {
            Err(Error::never(Code::NotEncodable, "only asked for its name"))
        }
    }

    #[test]
    fn the_quality_is_high_or_the_codec_s_first() {
        let handlers = vec![Handler::Codec(Arc::new(H264)), Handler::Codec(Arc::new(Gif))];
        let registry = Registry::new(handlers, Order::default());
        let resolve = |codec: &str, quality: Option<&str>| {
            let target = LocalTarget::Encode {
                codec: codec.to_owned(),
                quality: quality.map(str::to_owned),
                output: None,
                stem: PathBuf::from("dir/in"),
            };
            match target.resolve(&registry).map_err(|error| error.code)? {
                (Rendition::Encode { .. }, OutputPath::Stem(stem)) => {
                    Ok(stem.display().to_string())
                }
                _ => panic!("it is an encode to a name of ours"),
            }
        };
        assert_eq!(resolve("h264", None), Ok("dir/in_h264_high".to_owned()));
        assert_eq!(resolve("gif", None), Ok("dir/in_gif_fine".to_owned()));
        assert_eq!(resolve("gif", Some("coarse")), Ok("dir/in_gif_coarse".to_owned()));
        assert_eq!(resolve("vp7", None), Err(Code::UnknownCodec));
    }
}
