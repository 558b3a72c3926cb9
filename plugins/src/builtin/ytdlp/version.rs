//! Which yt-dlp is there, and whether it is recent enough.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use clipmill_core::process::{self, Failure, Spec};
use clipmill_core::{Code, Error};

use super::args::{self, INSTALL};

/// The oldest version that is accepted; older ones miss options that keep
/// foreign code out, and no longer understand YouTube.
pub const OLDEST: Version = Version([2026, 7, 4]);

/// A version of yt-dlp: the date of its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u32; 3]);

impl Version {
    /// Reads `2026.08.19`, with or without what a nightly build adds.
    pub fn parse(text: &str) -> Option<Version> {
        let mut parts = text.trim().split(['.', '@', '-', ' ']).map(|part| part.parse().ok());
        Some(Version([parts.next()??, parts.next()??, parts.next()??]))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [year, month, day] = self.0;
        write!(f, "{year:04}.{month:02}.{day:02}")
    }
}

/// Asks the program for its version.
///
/// # Errors
/// `tool_missing` when it is not there, does not run, or is older than
/// [`OLDEST`]; the message names the command that helps.
pub async fn check(program: &Path) -> Result<Version, Error> {
    let mut spec = Spec::new(program, ["--ignore-config", "--version"], Duration::from_secs(30));
    spec.env = args::environment();
    let output = match process::run(spec, 4096).await {
        Ok(output) => output,
        Err(failure) => return Err(unusable(&failure)),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    match Version::parse(&text) {
        Some(version) if version >= OLDEST => Ok(version),
        Some(version) => Err(Error::never(
            Code::ToolMissing,
            format!("yt-dlp {version} is too old, {OLDEST} is needed; update it with: {INSTALL}"),
        )),
        None => Err(Error::never(
            Code::ToolMissing,
            format!("yt-dlp does not tell its version; install it with: {INSTALL}"),
        )),
    }
}

fn unusable(failure: &Failure) -> Error {
    tracing::debug!(%failure, "yt-dlp does not run");
    let problem = match failure {
        Failure::NotFound(_) => "is not installed",
        Failure::Timeout { .. } => {
            return Error::later(Code::SourceTimeout, "yt-dlp did not answer in time");
        }
        _ => "does not run",
    };
    Error::never(Code::ToolMissing, format!("yt-dlp {problem}; install it with: {INSTALL}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::builtin::ytdlp::tests::fake_tool;

    #[test]
    fn versions_compare_as_dates() {
        let parse = |text| Version::parse(text).unwrap();
        assert!(parse("2026.07.04\n") >= OLDEST && parse("2026.08.19.232959") > OLDEST);
        assert!(parse("2025.12.31") < OLDEST && parse("2026.7.3") < OLDEST);
        assert_eq!(Version::parse("nightly"), None);
        assert_eq!(parse("2026.7.4").to_string(), "2026.07.04");
    }

    #[tokio::test]
    async fn missing_old_and_broken_tools_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let tool = |name: &str| fake_tool(folder.path(), name);
        let fine = check(&tool("fine")).await.unwrap();
        assert_eq!(fine.to_string(), "2026.08.19");
        for (program, part) in [
            (folder.path().join("absent"), "not installed"),
            (tool("old"), "2025.01.15 is too old"),
            (tool("broken"), "does not run"),
            (tool("odd"), "does not tell"),
        ] {
            let error = check(&program).await.unwrap_err();
            assert_eq!(error.code, Code::ToolMissing);
            assert!(error.message.contains(part), "{}", error.message);
            assert!(error.message.contains("pip install"));
            assert!(!error.message.contains(folder.path().to_str().unwrap()));
        }
    }
}
