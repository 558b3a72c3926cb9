//! Command lines of yt-dlp. Pure: what goes in decides what comes out.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use url::Url;

use super::settings::YtDlpSettings;

/// Seconds fetched before a span, because some formats can be entered only at
/// the keyframe after the asked moment.
const LEAD: f64 = 10.0;

/// Seconds fetched after a span, so that its last frame is surely there.
const TAIL: f64 = 2.0;

/// One progress line: machine readable, with what is needed and no more.
const PROGRESS: &str = "download:%(progress.{status,filename,downloaded_bytes,total_bytes,\
total_bytes_estimate,speed,eta})j";

/// A yt-dlp command line under construction.
struct Args(Vec<OsString>);

impl Args {
    fn flag(mut self, name: &str) -> Args {
        self.0.push(name.into());
        self
    }

    /// `--name=value` in one argument, so that no value passes for a flag.
    fn set(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Args {
        let mut argument = OsString::from(name);
        argument.push("=");
        argument.push(value);
        self.0.push(argument);
        self
    }

    fn url(mut self, url: &Url) -> Vec<OsString> {
        self.0.extend(["--".into(), url.as_str().into()]);
        self.0
    }
}

/// What every call has in common: nothing of the user's own configuration, no
/// plugins but the given ones, no code from the network, no proxy.
fn common(settings: &YtDlpSettings, cookies: Option<&Path>) -> Args {
    let mut args =
        Args(Vec::new()).flag("--ignore-config").flag("--no-update").flag("--no-plugin-dirs");
    for folder in &settings.plugin_dirs {
        args = args.set("--plugin-dirs", folder);
    }
    args = args
        .flag("--no-exec")
        .flag("--no-remote-components")
        .flag("--no-playlist")
        .set("--color", "no_color")
        .set("--proxy", "")
        .set("--socket-timeout", "15")
        .set("--retries", "3")
        .set("--extractor-retries", "2");
    args = match &settings.cache_dir {
        Some(folder) => args.set("--cache-dir", folder),
        None => args.flag("--no-cache-dir"),
    };
    if let Some(path) = &settings.js_runtime {
        let mut value = OsString::from(runtime_of(path));
        value.push(":");
        value.push(path);
        args = args.set("--js-runtimes", value);
    }
    if let Some(path) = &settings.ffmpeg {
        args = args.set("--ffmpeg-location", path);
    }
    match cookies {
        Some(file) => args.set("--cookies", file),
        None => args,
    }
}

/// yt-dlp's name of a JavaScript runtime, by the name of its program.
fn runtime_of(path: &Path) -> &'static str {
    match path.file_stem().and_then(|stem| stem.to_str()) {
        Some("node" | "nodejs") => "node",
        Some("bun") => "bun",
        Some("qjs" | "qjs-ng" | "quickjs" | "quickjs-ng") => "quickjs",
        _ => "deno",
    }
}

/// Asks for everything about one video. A page with several videos is asked
/// for two of them, to tell that it has several.
pub(super) fn resolve(
    settings: &YtDlpSettings,
    cookies: Option<&Path>,
    url: &Url,
) -> Vec<OsString> {
    common(settings, cookies).set("--playlist-items", "1:2").flag("--dump-single-json").url(url)
}

/// Downloads formats into the working folder as `source.EXT`. `formats` are
/// checked ids.
///
/// A span keeps the source's timestamps: `-copyts` keeps them, and
/// `-start_at_zero` takes away what the container began with.
pub(super) fn fetch(
    settings: &YtDlpSettings,
    cookies: Option<&Path>,
    url: &Url,
    formats: &[String],
    span: Option<(f64, f64)>,
) -> Vec<OsString> {
    let mut args = common(settings, cookies)
        .set("--playlist-items", "1")
        .flag("--quiet")
        .flag("--progress")
        .flag("--newline")
        .set("--progress-delta", "0.2")
        .set("--progress-template", PROGRESS)
        .set("--progress-template", "postprocess:")
        .set("--format", formats.join("+"))
        .set("--merge-output-format", "mkv")
        .set("--output", "source.%(ext)s")
        .flag("--no-mtime")
        .flag("--abort-on-unavailable-fragments")
        .set("--fixup", "never");
    if let Some((start, end)) = span {
        let start = (start - LEAD).max(0.0);
        args = args
            .set("--download-sections", format!("*{start:.3}-{:.3}", end + TAIL))
            .set("--downloader-args", "ffmpeg:-copyts -start_at_zero")
            .set("--postprocessor-args", "Merger+ffmpeg_o:-copyts");
    }
    args.url(url)
}

/// Whether this can stand in a format selector as an id and as nothing else.
pub(super) fn is_format_id(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':');
    !id.is_empty() && id.len() <= 100 && id.chars().all(plain)
}

/// Environment of the tool: text is UTF-8 whatever the locale.
pub(super) fn environment() -> Vec<(OsString, OsString)> {
    vec![("PYTHONUTF8".into(), "1".into())]
}

/// Programs stand in the messages to people by name alone.
pub(super) const INSTALL: &str = "python3 -m pip install --upgrade \"yt-dlp[default]\"";

/// The private copy of a cookie file, for one call. yt-dlp writes its cookies
/// back when it ends; the operator's file is not to change under two of them.
pub(super) fn cookie_copy(file: Option<&PathBuf>) -> std::io::Result<Option<tempfile::TempPath>> {
    let Some(file) = file else { return Ok(None) };
    // Created readable by this user alone.
    let mut copy = tempfile::Builder::new().prefix("clipmill-").suffix(".txt").tempfile()?;
    std::io::copy(&mut std::fs::File::open(file)?, &mut copy)?;
    Ok(Some(copy.into_temp_path()))
}
