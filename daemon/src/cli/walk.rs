//! One piece of work without a server: the pipeline, ending in a local file.

use std::path::{Path, PathBuf};

use clipmill_core::{Code, Error, Id};
use clipmill_pipeline::{
    Encoded, JobRequest, Pipeline, ProgressReporter, Rendition, SourceRequest,
};
use clipmill_plugins::Registry;
use serde_json::json;

use super::arguments::Report;
use super::exit::Failure;
use super::reporter::Reporter;
use super::setup;
use crate::config::{BUILT_IN, Config};

/// Where the file goes: a name, or a stem whose extension the work decides.
pub enum Output {
    /// As asked.
    File(PathBuf),
    /// The extension is added.
    Stem(PathBuf),
}

/// What comes out, and where it goes.
pub enum Wanted {
    /// This.
    Exactly(Rendition, Output),
    /// What a codec makes.
    Encoded {
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

/// The quality that is meant where none is named, if the codec has it.
const USUAL_QUALITY: &str = "high";

impl Wanted {
    /// Where it goes, as far as that is known before the handlers are.
    fn file(&self) -> Option<&Path> {
        match self {
            Wanted::Exactly(_, Output::File(path)) => Some(path),
            Wanted::Exactly(_, Output::Stem(_)) => None,
            Wanted::Encoded { output, .. } => output.as_deref(),
        }
    }

    /// Whether a plugin may be needed for it: whatever is built in is found
    /// without looking at plugins.
    fn needs_plugins(&self) -> bool {
        match self {
            Wanted::Exactly(..) => false,
            Wanted::Encoded { codec, .. } => !BUILT_IN.contains(&codec.as_str()),
        }
    }

    /// With what the codec itself decides.
    ///
    /// # Errors
    /// When there is no such codec.
    fn resolve(self, registry: &Registry) -> Result<(Rendition, Output), Failure> {
        let (codec, quality, output, stem) = match self {
            Wanted::Exactly(rendition, output) => return Ok((rendition, output)),
            Wanted::Encoded { codec, quality, output, stem } => (codec, quality, output, stem),
        };
        let it = registry.codec(&codec).map(|codec| codec.describe()).ok_or_else(|| {
            let all = registry.offered_codecs();
            let names: Vec<String> = all.iter().map(|codec| codec.describe().name).collect();
            let names = names.join(", ");
            let message = format!("there is no codec named {codec}; there are: {names}");
            Failure { exit: 2, code: Code::UnknownCodec, message }
        })?;
        let usual = it.qualities.iter().find(|quality| *quality == USUAL_QUALITY);
        let usual = usual.or(it.qualities.first()).cloned().unwrap_or_default();
        let quality = quality.unwrap_or(usual);
        let output = output.map_or_else(
            || {
                let mut name = stem.into_os_string();
                name.push(format!("_{codec}_{quality}"));
                Output::Stem(name.into())
            },
            Output::File,
        );
        Ok((Rendition::Encode { codec, quality }, output))
    }
}

/// Makes the file. Nothing is left behind when it fails or is interrupted.
pub async fn walk(
    config: &Config,
    source: SourceRequest,
    wanted: Wanted,
    report: Report,
) -> Result<(), Failure> {
    let reporter = Reporter::new(report.json);
    let made = tokio::select! {
        made = make(config, source, wanted, report.force, &reporter) => made,
        _ = tokio::signal::ctrl_c() => Err(Failure {
            exit: 130,
            code: clipmill_core::Code::Interrupted,
            message: "interrupted; nothing was kept".to_owned(),
        }),
    };
    if let Err(failure) = &made {
        reporter.failed(failure);
    }
    made
}

async fn make(
    config: &Config,
    source: SourceRequest,
    wanted: Wanted,
    force: bool,
    reporter: &Reporter,
) -> Result<(), Failure> {
    if let Some(path) = wanted.file() {
        refuse_existing(path, force)?;
    }
    let used = match source {
        SourceRequest::Remote { .. } => setup::Use::IfAny,
        _ if wanted.needs_plugins() => setup::Use::IfAny,
        _ => setup::Use::None,
    };
    let parts = setup::parts(config, used).await?;
    let (rendition, output) = wanted.resolve(&parts.registry)?;
    let pipeline = parts.pipeline;
    // Beside the result, so that the finished file only has to be renamed.
    let near = match &output {
        Output::File(path) | Output::Stem(path) => path.parent(),
    };
    let near = near.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = tempfile::Builder::new()
        .prefix(".clipmill-")
        .tempdir_in(near)
        .map_err(|error| Failure::usage(format!("{} can't be written: {error}", near.display())))?;
    let ask = JobRequest {
        id: Id::generate(chrono::Utc::now()),
        folder: folder.path().to_owned(),
        source,
        rendition,
    };
    let progress = ProgressReporter::default();
    let encoded = tokio::select! {
        encoded = stages(&pipeline, ask, &progress) => encoded?,
        never = reporter.follow(progress.watch()) => match never {},
    };
    let path = match output {
        Output::File(path) => path,
        Output::Stem(stem) => {
            let mut name = stem.into_os_string();
            name.push(format!(".{}", encoded.extension));
            PathBuf::from(name)
        }
    };
    refuse_existing(&path, force)?;
    std::fs::rename(&encoded.path, &path)?;
    told(reporter, &path, &encoded);
    Ok(())
}

/// The way through the pipeline.
pub(super) async fn stages(
    pipeline: &Pipeline,
    ask: JobRequest,
    progress: &ProgressReporter,
) -> Result<Encoded, Error> {
    let fetched = pipeline.fetch(ask, progress).await?;
    let cut = pipeline.trim(fetched).await?;
    pipeline.transcode(cut, progress).await
}

/// Refuses to write over a file unless that was asked for.
pub(super) fn refuse_existing(path: &Path, force: bool) -> Result<(), Failure> {
    if !force && path.exists() {
        return Err(Failure::usage(format!(
            "{} exists already; choose another name or add --force",
            path.display()
        )));
    }
    Ok(())
}

fn told(reporter: &Reporter, path: &Path, encoded: &Encoded) {
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
            let wanted = Wanted::Encoded {
                codec: codec.to_owned(),
                quality: quality.map(str::to_owned),
                output: None,
                stem: PathBuf::from("dir/in"),
            };
            match wanted.resolve(&registry).map_err(|failure| failure.code.as_str())? {
                (Rendition::Encode { .. }, Output::Stem(stem)) => Ok(stem.display().to_string()),
                _ => panic!("it is an encode to a name of ours"),
            }
        };
        assert_eq!(resolve("h264", None), Ok("dir/in_h264_high".to_owned()));
        assert_eq!(resolve("gif", None), Ok("dir/in_gif_fine".to_owned()));
        assert_eq!(resolve("gif", Some("coarse")), Ok("dir/in_gif_coarse".to_owned()));
        assert_eq!(resolve("vp7", None), Err("unknown_codec"));
    }
}
