//! Runs external programs (ffmpeg, ffprobe, yt-dlp): found on a fixed path, ended at a deadline.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How long a program may run when the caller names no other limit.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(180);

/// What a program printed, and that it ended with status 0.
#[derive(Debug)]
pub struct Output {
    /// Everything on standard output.
    pub stdout: Vec<u8>,
    /// Everything on standard error, bytes that aren't UTF-8 replaced.
    pub stderr: String,
}

/// Why a program did not do its work.
#[derive(Debug)]
pub struct ToolError {
    /// The program's name.
    pub program: String,
    /// What happened: "not found", "exit status: 1", "still running after 180 s".
    pub reason: String,
    /// The last 4,000 characters of its standard error.
    pub stderr: String,
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n{}", self.program, self.reason, self.stderr)
    }
}

impl std::error::Error for ToolError {}

/// The folder of the workspace: where Cargo.lock, `.tools/` and `tests/` are.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_owned()
}

/// The build's target folder, wherever `CARGO_TARGET_DIR` or the configuration put it: test
/// programs run from `TARGET/PROFILE/deps/`.
pub fn target_folder() -> PathBuf {
    let exe = std::env::current_exe().expect("the path of this test program");
    exe.ancestors()
        .find(|folder| folder.file_name() == Some(OsStr::new("deps")))
        .and_then(|deps| deps.parent()?.parent())
        .map_or_else(|| workspace().join("target"), Path::to_owned)
}

/// `PATH` with the project's own tools first, as `make` sets it; plain `cargo test` finds them too.
pub fn search_path() -> OsString {
    let mut folders = vec![workspace().join(".tools/bin")];
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&inherited));
    folders.push(PathBuf::from("/usr/sbin"));
    std::env::join_paths(folders).expect("folders of PATH hold no separator")
}

/// The full path of a program on [`search_path`].
///
/// # Errors
/// When no folder has it; the message names the command that installs it.
pub fn find(program: &str) -> Result<PathBuf, ToolError> {
    std::env::split_paths(&search_path())
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .ok_or_else(|| ToolError {
            program: program.to_owned(),
            reason: "not found; `scripts/tools.sh test` installs it".to_owned(),
            stderr: String::new(),
        })
}

/// Runs a program without input, for at most [`DEFAULT_DEADLINE`].
///
/// # Errors
/// When it is missing, ends with another status than 0, or overruns.
pub fn run<A: AsRef<OsStr>>(
    program: &str,
    args: impl IntoIterator<Item = A>,
) -> Result<Output, ToolError> {
    run_fed(program, args, |_stdin| Ok(()), DEFAULT_DEADLINE)
}

/// Runs a program whose standard input `feed` writes, from a thread of its own.
///
/// `feed` may fail with a broken pipe when the program ends early; the program's own status and
/// words then tell why.
///
/// # Errors
/// When it is missing, ends with another status than 0, or runs longer than `deadline`.
pub fn run_fed<A: AsRef<OsStr>>(
    program: &str,
    args: impl IntoIterator<Item = A>,
    feed: impl FnOnce(&mut dyn Write) -> std::io::Result<()> + Send,
    deadline: Duration,
) -> Result<Output, ToolError> {
    let mut child = Command::new(find(program)?)
        .args(args)
        .env("PATH", search_path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| failure(program, error.to_string(), ""))?;
    let stdin = child.stdin.take().expect("stdin is piped");
    let mut out = child.stdout.take().expect("stdout is piped");
    let mut err = child.stderr.take().expect("stderr is piped");

    thread::scope(|scope| {
        scope.spawn(move || feed_all(stdin, feed));
        let stdout = scope.spawn(move || read_all(&mut out));
        let stderr = scope.spawn(move || read_all(&mut err));
        let ended = wait(&mut child, deadline);
        let stdout = stdout.join().expect("the reading thread does not panic");
        let stderr = stderr.join().expect("the reading thread does not panic");
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        match ended {
            Ok(()) => Ok(Output { stdout, stderr }),
            Err(reason) => Err(failure(program, reason, &stderr)),
        }
    })
}

fn feed_all(stdin: ChildStdin, feed: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) {
    let mut writer = std::io::BufWriter::with_capacity(1 << 18, stdin);
    // A program that ended early says itself what was wrong.
    let _ = feed(&mut writer).and_then(|()| writer.flush());
}

fn read_all(from: &mut impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = from.read_to_end(&mut all);
    all
}

fn wait(child: &mut Child, deadline: Duration) -> Result<(), String> {
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(status.to_string()),
            Err(error) => return Err(error.to_string()),
            Ok(None) if started.elapsed() > deadline => {
                // Its own children too: they hold the pipes that the reading threads wait for.
                if let Ok(group) = i32::try_from(child.id())
                    && let Some(group) = Pid::from_raw(group)
                {
                    let _ = kill_process_group(group, Signal::KILL);
                }
                let _ = child.wait();
                return Err(format!("still running after {} s", deadline.as_secs()));
            }
            Ok(None) => thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn failure(program: &str, reason: String, stderr: &str) -> ToolError {
    let from = stderr.char_indices().rev().nth(3_999).map_or(0, |(at, _)| at);
    ToolError { program: program.to_owned(), reason, stderr: stderr[from..].to_owned() }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{run, run_fed};

    #[test]
    fn a_program_ends_at_its_deadline_with_its_children() {
        let began = Instant::now();
        let script = "sleep 30 & sleep 30";
        let error = run_fed("sh", ["-c", script], |_| Ok(()), Duration::from_millis(200));
        assert!(error.unwrap_err().reason.starts_with("still running"));
        assert!(began.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn failures_carry_the_last_words() {
        let error = run("sh", ["-c", "echo oh dear >&2; exit 3"]).unwrap_err();
        assert_eq!((error.reason.as_str(), error.stderr.as_str()), ("exit status: 3", "oh dear\n"));
        let error = run("no-such-program-here", ["x"]).unwrap_err();
        assert!(error.reason.contains("scripts/tools.sh test"), "{error}");
    }
}
