//! Children that don't outlive a parent which is killed.
//!
//! Linux sends a signal to a child whose parent ends, if the child asked for it
//! (prctl(2), `PR_SET_PDEATHSIG`). Asking needs code between fork and exec, so
//! util-linux's `setpriv` does it, which then becomes the program. Where there
//! is no such `setpriv`, children of a killed parent go on to their own end.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use tokio::process::Command;

use super::find;

const LEASH: [&str; 3] = ["--pdeathsig", "KILL", "--"];

/// A command that starts `program`, on a leash if there is one. A program that
/// can't be found is named directly, so that the error is about itself.
pub(super) fn command(program: &Path) -> Command {
    match (setpriv(), find("", Some(program))) {
        (Some(setpriv), Some(found)) => {
            let mut command = Command::new(setpriv);
            command.args(LEASH).arg(found);
            command
        }
        _ => Command::new(program),
    }
}

/// `setpriv`, if it is here and knows how; tried once.
fn setpriv() -> Option<&'static Path> {
    static SETPRIV: OnceLock<Option<PathBuf>> = OnceLock::new();
    let tried = || {
        let setpriv = cfg!(target_os = "linux").then(|| find("setpriv", None))??;
        let knows = std::process::Command::new(&setpriv)
            .args(LEASH)
            .arg("true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        knows.is_ok_and(|status| status.success()).then_some(setpriv)
    };
    SETPRIV.get_or_init(tried).as_deref()
}
