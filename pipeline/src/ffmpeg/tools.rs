//! The programs, found once and asked once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clipmill_core::probe::Probe;
use clipmill_core::process::{self, Output, Spec};
use clipmill_core::{Code, Error};
use clipmill_plugins::Encoders;
use tokio::sync::OnceCell;

use super::{HardwareEncoders, Input, probe};
use crate::settings::EncodeSettings;

/// The oldest ffmpeg that works, as (major, minor).
const OLDEST: (u32, u32) = (5, 1);
/// Longest time that a program may take to say what it is.
const INTRODUCTION: Duration = Duration::from_secs(20);
/// Most bytes that it may say.
const WORDS: usize = 1024 * 1024;

/// A tool that is missing or too old, with the command that mends it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ToolProblem(pub String);

impl From<ToolProblem> for Error {
    fn from(problem: ToolProblem) -> Error {
        Error::later(Code::ToolMissing, problem.0)
    }
}

/// Where the programs are; what is not set is looked up on `PATH`.
#[derive(Debug, Clone, Default)]
pub struct ToolPaths {
    /// The ffmpeg program.
    pub ffmpeg: Option<PathBuf>,
    /// The ffprobe program.
    pub ffprobe: Option<PathBuf>,
}

/// ffmpeg and ffprobe. Copies share what is known of them.
#[derive(Debug, Clone)]
pub struct Tools {
    pub(super) ffmpeg: PathBuf,
    pub(super) ffprobe: PathBuf,
    settings: EncodeSettings,
    abilities: Arc<OnceCell<Abilities>>,
}

/// What this ffmpeg says of itself.
#[derive(Debug)]
pub struct Abilities {
    /// Its version, as it prints it.
    pub version: String,
    /// Encoders that it has.
    pub encoders: Encoders,
    /// Those in hardware that may be used in place of others.
    pub hardware: HardwareEncoders,
}

impl Tools {
    /// Finds both programs, and starts none.
    ///
    /// # Errors
    /// What is missing, and the command that installs it.
    pub fn locate(paths: &ToolPaths, encode: &EncodeSettings) -> Result<Tools, ToolProblem> {
        Ok(Tools {
            ffmpeg: locate("ffmpeg", paths.ffmpeg.as_deref())?,
            ffprobe: locate("ffprobe", paths.ffprobe.as_deref())?,
            settings: encode.clone(),
            abilities: Arc::default(),
        })
    }

    /// Finds both programs, asks ffmpeg what it can do and ffprobe whether it works.
    ///
    /// # Errors
    /// What is missing or does not work, and the command that installs it.
    pub async fn discover(
        paths: &ToolPaths,
        encode: &EncodeSettings,
    ) -> Result<Tools, ToolProblem> {
        let tools = Tools::locate(paths, encode)?;
        // The start of a daemon waits for this: one question to each, both at once.
        let works = ask("ffprobe", &tools.ffprobe, "-version");
        tokio::try_join!(tools.abilities(), works)?;
        Ok(tools)
    }

    /// What ffmpeg can do; it is asked once.
    ///
    /// # Errors
    /// That it does not work or is too old, and the command that mends it.
    pub async fn abilities(&self) -> Result<&Abilities, ToolProblem> {
        self.abilities.get_or_try_init(|| self.ask()).await
    }

    /// Asks ffmpeg already now, so that whoever needs the answer waits less.
    pub fn ask_early(&self) {
        let tools = self.clone();
        // Whoever needs the answer hears of a failure.
        tokio::spawn(async move { tools.abilities().await.map(|_| ()) });
    }

    async fn ask(&self) -> Result<Abilities, ToolProblem> {
        let listed = ask("ffmpeg", &self.ffmpeg, "-encoders").await?;
        // Its banner names the version.
        let version = version_of(&listed.stderr_tail);
        if numbers(&version).is_some_and(|found| found < OLDEST) {
            let (major, minor) = OLDEST;
            return Err(ToolProblem(format!(
                "ffmpeg {version} is too old: {major}.{minor} or newer is needed; {}",
                install()
            )));
        }
        let encoders = encoders_of(&String::from_utf8_lossy(&listed.stdout));
        let hardware = HardwareEncoders::new(&self.settings, self.ffmpeg.clone(), &encoders);
        Ok(Abilities { version, encoders, hardware })
    }

    /// Looks at a local file. The demuxer is chosen by content among those
    /// that can't refer to other files; there is no network.
    ///
    /// # Errors
    /// `no_video` when there is no picture, `not_media` when nothing can be read.
    pub async fn probe(&self, path: &Path) -> Result<Probe, Error> {
        let probe = probe::probe(self, &Input::file(path).await?).await?;
        if probe.video.is_none() {
            return Err(probe::no_video("file"));
        }
        Ok(probe)
    }

    /// Looks at an input, which may hold sound alone.
    ///
    /// # Errors
    /// `not_media` when nothing can be read.
    pub(crate) async fn inspect(&self, input: &Input) -> Result<Probe, Error> {
        probe::probe(self, input).await
    }
}

fn install() -> &'static str {
    if cfg!(target_os = "macos") {
        "install it with: brew install ffmpeg"
    } else {
        "install it with: apt-get install ffmpeg (on macOS: brew install ffmpeg)"
    }
}

fn locate(name: &str, given: Option<&Path>) -> Result<PathBuf, ToolProblem> {
    process::find(name, given).ok_or_else(|| {
        let place = match given {
            Some(path) => format!("not found at {} (tools.{name})", path.display()),
            None => "not found on PATH".to_owned(),
        };
        ToolProblem(format!("{name} is {place}; {}", install()))
    })
}

async fn ask(name: &str, program: &Path, question: &str) -> Result<Output, ToolProblem> {
    let spec = Spec::new(program, [question], INTRODUCTION);
    match process::run(spec, WORDS).await {
        Ok(output) => Ok(output),
        Err(error) => {
            tracing::warn!(%error, stderr = error.stderr_tail(), "{name} does not answer");
            Err(ToolProblem(format!("{name} does not work ({error}); {}", install())))
        }
    }
}

/// `5.1.9-0+deb12u1` from `ffmpeg version 5.1.9-0+deb12u1 Copyright ...`.
fn version_of(text: &str) -> String {
    text.split_whitespace().nth(2).unwrap_or("unknown").to_owned()
}

/// Major and minor version; none for development builds, which are taken as new.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('n').split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Second words of the lines after the legend.
fn encoders_of(text: &str) -> Encoders {
    text.lines()
        .skip_while(|line| !line.trim_start().starts_with("---"))
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(1))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn reads_what_ffmpeg_says_of_itself() {
        assert_eq!(version_of("ffmpeg version 5.1.9-0+deb12u1 Copyright (c)"), "5.1.9-0+deb12u1");
        assert_eq!(numbers("5.1.9-0+deb12u1"), Some((5, 1)));
        assert_eq!(numbers("n7.1"), Some((7, 1)));
        assert_eq!(numbers("N-118000-gabcdef"), None);
        let text =
            "Encoders:\n V..... = Video\n ------\n V....D libx264   H.264\n A..... aac AAC\n";
        assert_eq!(encoders_of(text), Encoders::from(["aac".to_owned(), "libx264".to_owned()]));
    }

    #[tokio::test]
    async fn a_missing_program_names_the_command_that_installs_it() {
        let paths = ToolPaths { ffmpeg: Some("/nonexistent/ffmpeg".into()), ffprobe: None };
        let problem =
            Tools::discover(&paths, &EncodeSettings::default()).await.map(|_| ()).unwrap_err().0;
        assert!(problem.contains("ffmpeg is not found") && problem.contains("apt-get install"));
    }
}
