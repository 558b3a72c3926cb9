//! The programs, found once and asked once what they can do.
//!
//! The methods of [`Tools`] that run them are in the files of their subjects:
//! `run.rs` (encodes and decoders), `probe.rs` (what a file holds), `frame_list.rs`
//! (its frames), `decode_check.rs` (whether a result can be decoded).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clipmill_core::process::{self, Output, Spec};
use clipmill_core::{Code, Error};
use clipmill_plugins::Encoders;
use tokio::sync::OnceCell;

use super::hardware::HardwareEncoders;
use crate::settings::EncodeSettings;

/// The oldest ffmpeg that works, as (major, minor).
const OLDEST: (u32, u32) = (5, 1);
/// Longest time that a program may take to print what it can do.
const ANSWER_TIME: Duration = Duration::from_secs(20);
/// Most bytes that it may print then.
const MAX_OUTPUT: usize = 1024 * 1024;

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

/// What this ffmpeg can do.
#[derive(Debug)]
pub struct Abilities {
    /// Its version, as it prints it.
    pub version: String,
    /// Encoders that it has.
    pub encoders: Encoders,
    /// Hardware encoders that may be used in place of others.
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
        // The daemon waits for this at its start, so both run at once.
        let works = query("ffprobe", &tools.ffprobe, "-version");
        tokio::try_join!(tools.abilities(), works)?;
        Ok(tools)
    }

    /// What ffmpeg can do; it is asked once.
    ///
    /// # Errors
    /// That it does not work or is too old, and the command that mends it.
    pub async fn abilities(&self) -> Result<&Abilities, ToolProblem> {
        self.abilities.get_or_try_init(|| self.read_abilities()).await
    }

    /// Asks ffmpeg in the background what it can do, so that the first caller of
    /// [`Tools::abilities`] waits less.
    pub fn load_abilities(&self) {
        let tools = self.clone();
        // A failure is returned to the first caller.
        tokio::spawn(async move { tools.abilities().await.map(|_| ()) });
    }

    async fn read_abilities(&self) -> Result<Abilities, ToolProblem> {
        let listed = query("ffmpeg", &self.ffmpeg, "-encoders").await?;
        // Its banner names the version.
        let version = parse_version(&listed.stderr_tail);
        if version_numbers(&version).is_some_and(|found| found < OLDEST) {
            let (major, minor) = OLDEST;
            return Err(ToolProblem(format!(
                "ffmpeg {version} is too old: {major}.{minor} or newer is needed; {}",
                install()
            )));
        }
        let encoders = parse_encoders(&String::from_utf8_lossy(&listed.stdout));
        let hardware = HardwareEncoders::new(&self.settings, self.ffmpeg.clone(), &encoders);
        Ok(Abilities { version, encoders, hardware })
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

async fn query(name: &str, program: &Path, question: &str) -> Result<Output, ToolProblem> {
    let spec = Spec::new(program, [question], ANSWER_TIME);
    match process::run(spec, MAX_OUTPUT).await {
        Ok(output) => Ok(output),
        Err(error) => {
            tracing::warn!(%error, stderr = error.stderr_tail(), "{name} does not work");
            Err(ToolProblem(format!("{name} does not work ({error}); {}", install())))
        }
    }
}

/// `5.1.9-0+deb12u1` from `ffmpeg version 5.1.9-0+deb12u1 Copyright ...`.
fn parse_version(text: &str) -> String {
    text.split_whitespace().nth(2).unwrap_or("unknown").to_owned()
}

/// Major and minor version; none for development builds, which are taken as new.
fn version_numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('n').split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Second words of the lines after the legend.
fn parse_encoders(text: &str) -> Encoders {
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
        assert_eq!(
            parse_version("ffmpeg version 5.1.9-0+deb12u1 Copyright (c)"),
            "5.1.9-0+deb12u1"
        );
        assert_eq!(version_numbers("5.1.9-0+deb12u1"), Some((5, 1)));
        assert_eq!(version_numbers("n7.1"), Some((7, 1)));
        assert_eq!(version_numbers("N-118000-gabcdef"), None);
        let text =
            "Encoders:\n V..... = Video\n ------\n V....D libx264   H.264\n A..... aac AAC\n";
        assert_eq!(parse_encoders(text), Encoders::from(["aac".to_owned(), "libx264".to_owned()]));
    }

    #[tokio::test]
    async fn a_missing_program_names_the_command_that_installs_it() {
        let paths = ToolPaths { ffmpeg: Some("/nonexistent/ffmpeg".into()), ffprobe: None };
        let problem =
            Tools::discover(&paths, &EncodeSettings::default()).await.map(|_| ()).unwrap_err().0;
        assert!(problem.contains("ffmpeg is not found") && problem.contains("apt-get install"));
    }
}
