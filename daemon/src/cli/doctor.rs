//! `clipmill doctor`: what clipmill needs, with versions and what is wrong.

use std::path::Path;
use std::time::Duration;

use clipmill_core::Code;
use clipmill_core::process::{self, Spec};
use clipmill_pipeline::ffmpeg::{Abilities, HardwareEncoders, Tools};
use clipmill_pipeline::settings::HardwareChoice;
use clipmill_plugins::builtin::ytdlp::YtDlp;
use rustix::fs::statvfs;

use super::error::CommandError;
use super::plugin::snapshot;
use super::setup;
use crate::config::Config;

/// How long a program may take to print its version. Python programs are slow to
/// start on a machine that has just booted.
const DEADLINE: Duration = Duration::from_secs(20);

/// The encoders that the built-in codecs use: name, what is lost without it.
const ENCODERS: &[(&str, &str)] = &[
    ("libx264", "H.264 and all MP4 clips"),
    ("libx265", "H.265"),
    ("libaom-av1", "lossless AV1"),
    ("libsvtav1", "fast AV1 (libaom-av1 does it slowly)"),
    ("libvpx-vp9", "WebM clips"),
    ("libopus", "sound of WebM clips"),
    ("aac", "sound of MP4"),
];

/// JavaScript runtimes that yt-dlp uses for YouTube: program, oldest version.
const RUNTIMES: &[(&str, [u32; 2])] = &[("deno", [2, 3]), ("node", [22, 0]), ("bun", [1, 0])];

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was examined.
    pub name: String,
    /// What was found: a version, a path, an amount.
    pub found: String,
    /// What is wrong and which command repairs it; none when all is well.
    pub problem: Option<String>,
}

/// Runs the command.
pub async fn run(config: &Config) -> Result<(), CommandError> {
    let findings = examine(config).await;
    for finding in &findings {
        let mark = if finding.problem.is_none() { "ok  " } else { "BAD " };
        println!("{mark} {:<16} {}", finding.name, finding.found);
        if let Some(problem) = &finding.problem {
            println!("     -> {problem}");
        }
    }
    match findings.iter().filter(|finding| finding.problem.is_some()).count() {
        0 => Ok(()),
        bad => {
            let message = format!("{bad} of {} things need attention", findings.len());
            Err(CommandError::new(5, Code::ToolMissing, message))
        }
    }
}

/// Examines everything that the daemon needs.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let (mut findings, yt_dlp, runtime) = tokio::join!(ffmpeg(config), yt_dlp(config), runtime());
    findings.extend([yt_dlp, runtime]);
    findings.push(folder("data folder", &config.folders.data));
    findings.push(folder("work folder", &config.folders.work()));
    findings.push(plugins(config).await);
    if config.storage.is_shared() {
        findings.push(database(config).await);
    }
    match &config.artifacts.url {
        None => findings.push(folder("file folder", &config.folders.files())),
        Some(url) => findings.push(match setup::stores(config).await {
            Ok(_) => good("file store", url),
            Err(error) => bad("file store", url, error.message),
        }),
    }
    findings
}

async fn ffmpeg(config: &Config) -> Vec<Finding> {
    let tools = Tools::discover(&config.tool_paths(), &config.encode).await;
    let abilities = match &tools {
        Ok(tools) => tools.abilities().await,
        Err(problem) => Err(problem.clone()),
    };
    match abilities {
        Err(problem) => vec![bad("ffmpeg", "not usable", problem.to_string())],
        Ok(Abilities { version, encoders, hardware: cards }) => {
            let missing = ENCODERS.iter().filter(|(name, _)| !encoders.contains(*name));
            let missing: Vec<_> = missing.map(|(name, use_)| format!("{name}: {use_}")).collect();
            let problem = (!missing.is_empty())
                .then(|| format!("this ffmpeg lacks {}; install a full build", missing.join(", ")));
            let encoders = Finding {
                name: "encoders".to_owned(),
                found: format!("{} of {}", ENCODERS.len() - missing.len(), ENCODERS.len()),
                problem,
            };
            vec![good("ffmpeg", version), encoders, hardware(config, cards).await]
        }
    }
}

/// Which encoders in hardware work, and why the others don't.
async fn hardware(config: &Config, cards: &HardwareEncoders) -> Finding {
    let seen = cards.try_all().await;
    let works: Vec<_> =
        seen.iter().filter(|(_, state)| state.is_ok()).map(|(name, _)| *name).collect();
    let others: Vec<_> = seen
        .iter()
        .filter_map(|(name, state)| Some(format!("{name}: {}", state.as_ref().err()?)))
        .collect();
    let choice = config.encode.hardware;
    if choice == HardwareChoice::Off {
        return good("hardware", "off (encode.hardware)");
    }
    let used = if works.is_empty() { "none works".to_owned() } else { works.join(", ") };
    // `auto` takes what there is, which may be nothing.
    let is_missing = choice != HardwareChoice::Auto && works.is_empty();
    if is_missing && others.is_empty() {
        bad("hardware", &used, "this ffmpeg is built without these encoders")
    } else if is_missing {
        bad("hardware", &used, others.join("\n     -> "))
    } else if others.is_empty() {
        good("hardware", &used)
    } else {
        good("hardware", &format!("{used} ({})", others.join("; ")))
    }
}

async fn yt_dlp(config: &Config) -> Finding {
    let client = match setup::client(config) {
        Ok(client) => client,
        Err(error) => return bad("yt-dlp", "not looked at", error.message),
    };
    let settings = setup::yt_dlp(config, client);
    let program = settings.program.display().to_string();
    match YtDlp::new(settings).version().await {
        Ok(version) => good("yt-dlp", &version.to_string()),
        Err(error) => bad("yt-dlp", &program, error.message),
    }
}

/// How many plugins there are, and which of them can't be used.
async fn plugins(config: &Config) -> Finding {
    let folder = config.plugins.folder(&config.folders);
    if !setup::has_plugins(config) {
        return good("plugins", &format!("none in {}", folder.display()));
    }
    let snapshot = match snapshot::read_or_load(config).await {
        Ok(current) => current.snapshot,
        Err(error) => return bad("plugins", "not looked at", error.message),
    };
    let counts = snapshot::counts(&snapshot.plugins).into_iter().filter(|(_, count)| *count > 0);
    let counts: Vec<_> =
        counts.map(|(state, count)| format!("{count} {}", state.replace('_', " "))).collect();
    let found =
        if counts.is_empty() { format!("none in {}", folder.display()) } else { counts.join(", ") };
    let reason = |plugin| Some((plugin, snapshot::reason(plugin)?));
    let reasons = snapshot.plugins.iter().filter_map(reason);
    let problems: Vec<_> =
        reasons.map(|(plugin, reason)| format!("{}: {reason}", plugin.name)).collect();
    if problems.is_empty() {
        good("plugins", &found)
    } else {
        bad("plugins", &found, problems.join("\n     -> "))
    }
}

/// The servers that daemons share.
async fn database(config: &Config) -> Finding {
    let storage = match setup::storage(config).await {
        Ok(storage) => storage,
        Err(error) => return bad("database", "not reached", error.message),
    };
    let problems = storage.problems().await;
    storage.close().await;
    if problems.is_empty() {
        good("database", "MongoDB and Redis answer")
    } else {
        bad("database", "reached", problems.join("; "))
    }
}

async fn runtime() -> Finding {
    let mut seen = Vec::new();
    for (name, oldest) in RUNTIMES {
        let Some(version) = version_of(name).await else { continue };
        let fits = numbers(&version) >= *oldest;
        seen.push(format!("{name} {version}"));
        if fits {
            return good("JavaScript", &format!("{name} {version}"));
        }
    }
    if process::find("qjs", None).is_some() {
        return good("JavaScript", "quickjs");
    }
    let found = if seen.is_empty() { "not found".to_owned() } else { seen.join(", ") };
    bad(
        "JavaScript",
        &found,
        "yt-dlp needs deno 2.3, node 22, bun 1.0 or quickjs for YouTube: \
         pip install deno, or brew install deno",
    )
}

/// The version that a program prints first, if it is there and answers.
async fn version_of(name: &str) -> Option<String> {
    let program = process::find(name, None)?;
    let output = process::run(Spec::new(program, ["--version"], DEADLINE), 64 * 1024).await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = text.split_whitespace().map(|word| word.trim_start_matches('v'));
    words.into_iter().find(|word| word.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
}

fn numbers(version: &str) -> [u32; 2] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    [parts.next().unwrap_or(0), parts.next().unwrap_or(0)]
}

fn folder(name: &str, path: &Path) -> Finding {
    let written = std::fs::create_dir_all(path)
        .and_then(|()| tempfile::Builder::new().prefix(".probe-").tempfile_in(path));
    let shown = path.display();
    match (written, statvfs(path)) {
        (Err(error), _) => bad(name, &shown.to_string(), format!("can't be written: {error}")),
        (_, Err(error)) => bad(name, &shown.to_string(), format!("can't be looked at: {error}")),
        (Ok(_), Ok(disk)) => {
            let free_gb = (disk.f_bavail * disk.f_frsize) as f64 / 1e9;
            let found = format!("{shown}, {free_gb:.1} GB free");
            if free_gb < 1.0 {
                bad(name, &found, "less than 1 GB is free; make room")
            } else {
                good(name, &found)
            }
        }
    }
}

fn good(name: &str, found: &str) -> Finding {
    Finding { name: name.to_owned(), found: found.to_owned(), problem: None }
}

fn bad(name: &str, found: &str, problem: impl Into<String>) -> Finding {
    Finding { name: name.to_owned(), found: found.to_owned(), problem: Some(problem.into()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn configured_hardware_that_is_missing_is_a_problem() {
        let found = async |choice| {
            let mut config = Config::default();
            config.encode.hardware = choice;
            let tools = Tools::discover(&config.tool_paths(), &config.encode).await.unwrap();
            hardware(&config, &tools.abilities().await.unwrap().hardware).await
        };
        let off = found(HardwareChoice::Off).await;
        assert_eq!((off.found.as_str(), off.problem), ("off (encode.hardware)", None));
        let apple = found(HardwareChoice::VideoToolbox).await;
        assert_eq!(apple.found, "none works");
        assert!(apple.problem.unwrap().contains("built without"));
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(numbers("2.10.1") >= [2, 3]);
        assert!(numbers("20.20.2") < [22, 0]);
        assert!(numbers("nonsense") < [1, 0]);
    }
}
