//! What is to be run, and how far it may go.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What is to be run, and how far it may go.
///
/// The environment of the child holds `PATH`, `HOME`, `LANG` and `TMPDIR` of
/// this process, as far as they are set, and what `env` adds; nothing else, so
/// that no secret and no proxy setting leaks into a tool.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The program; a path, or a name that is looked up on `PATH`.
    pub program: PathBuf,
    /// Its arguments, handed over as they are.
    pub args: Vec<OsString>,
    /// Variables beside the inherited ones; the last of a name counts.
    pub env: Vec<(OsString, OsString)>,
    /// Working folder; none for that of this process.
    pub cwd: Option<PathBuf>,
    /// Longest time from start to end.
    pub deadline: Duration,
    /// Longest time without a byte on standard output or standard error,
    /// after which the program counts as hung; none for no such limit.
    pub silence: Option<Duration>,
    /// What the kernel enforces.
    pub limits: Limits,
}

impl Spec {
    /// A program with arguments and a deadline, and nothing else set.
    pub fn new<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        args: impl IntoIterator<Item = A>,
        deadline: Duration,
    ) -> Spec {
        Spec {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            cwd: None,
            deadline,
            silence: None,
            limits: Limits::default(),
        }
    }
}

/// Limits that the kernel enforces on the child, and on descendants that start
/// after them. They are applied right after the start, on Linux only; other
/// systems run without them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Address space in bytes. Programs with a garbage collector or many
    /// threads reserve far more than they use.
    pub memory_bytes: Option<u64>,
    /// Size of a written file in bytes.
    pub file_bytes: Option<u64>,
}
