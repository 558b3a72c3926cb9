//! One piece of work without a server: the street, ending in a local file.

use std::path::{Path, PathBuf};

use clipmill_storage::Id;
use serde_json::json;

use super::arguments::Report;
use super::exit::Failure;
use super::reporter::Reporter;
use super::setup;
use crate::config::{BUILT_IN, Config};
use crate::pipeline::{Ask, Encoded, Gauge, Rendition, SourceAsk, StageError, Street};

/// Where the file goes: a name, or a stem whose extension the work decides.
pub enum Output {
    /// As asked.
    File(PathBuf),
    /// The extension is added.
    Stem(PathBuf),
}

/// Makes the file. Nothing is left behind when it fails or is interrupted.
pub async fn walk(
    config: &Config,
    source: SourceAsk,
    rendition: Rendition,
    output: Output,
    report: Report,
) -> Result<(), Failure> {
    let reporter = Reporter::new(report.json);
    let made = tokio::select! {
        made = make(config, source, rendition, &output, report.force, &reporter) => made,
        _ = tokio::signal::ctrl_c() => Err(Failure {
            exit: 130,
            code: "interrupted",
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
    source: SourceAsk,
    rendition: Rendition,
    output: &Output,
    force: bool,
    reporter: &Reporter,
) -> Result<(), Failure> {
    if let Output::File(path) = output {
        refuse_existing(path, force)?;
    }
    // Whatever is built in is found without looking at plugins.
    let used = match (&source, &rendition) {
        (SourceAsk::Remote { .. }, _) => setup::Use::IfAny,
        (_, Rendition::Encode { codec, .. }) if !BUILT_IN.contains(&codec.as_str()) => {
            setup::Use::IfAny
        }
        _ => setup::Use::None,
    };
    let parts = setup::parts(config, used).await?;
    let street = parts.street;
    // Beside the result, so that the finished file only has to be renamed.
    let near = match output {
        Output::File(path) | Output::Stem(path) => path.parent(),
    };
    let near = near.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = tempfile::Builder::new()
        .prefix(".clipmill-")
        .tempdir_in(near)
        .map_err(|error| Failure::usage(format!("{} can't be written: {error}", near.display())))?;
    let ask = Ask {
        id: Id::generate(chrono::Utc::now()),
        folder: folder.path().to_owned(),
        source,
        rendition,
    };
    let gauge = Gauge::default();
    let encoded = tokio::select! {
        encoded = stages(&street, ask, &gauge) => encoded?,
        never = reporter.follow(gauge.watch()) => match never {},
    };
    let path = match output {
        Output::File(path) => path.clone(),
        Output::Stem(stem) => {
            let mut name = stem.clone().into_os_string();
            name.push(format!(".{}", encoded.extension));
            PathBuf::from(name)
        }
    };
    refuse_existing(&path, force)?;
    std::fs::rename(&encoded.path, &path)?;
    told(reporter, &path, &encoded);
    Ok(())
}

/// The way through the street.
pub(super) async fn stages(
    street: &Street,
    ask: Ask,
    gauge: &Gauge,
) -> Result<Encoded, StageError> {
    let fetched = street.fetch(ask, gauge).await?;
    let cut = street.trim(fetched, gauge).await?;
    street.transcode(cut, gauge).await
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
