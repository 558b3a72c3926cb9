//! Runs a program and tells what it took.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clipmill_tests::tool;

use crate::process;

/// Longest that any program may take.
const DEADLINE: Duration = Duration::from_secs(1_800);
/// Between two looks at its memory; the kernel keeps the peak of what lives.
const EVERY: Duration = Duration::from_millis(10);

/// A program with its arguments.
pub struct Program {
    program: PathBuf,
    args: Vec<OsString>,
    environment: Vec<(String, String)>,
}

/// What it took.
pub struct Took {
    /// Seconds.
    pub wall: f64,
    /// The most memory of its largest process, bytes.
    pub largest: u64,
    /// Whether it ended by itself, and well.
    pub well: bool,
}

impl Program {
    /// One at this path.
    pub fn new(program: PathBuf) -> Program {
        Program { program, args: Vec::new(), environment: Vec::new() }
    }

    /// One of the search path.
    pub fn named(name: &str) -> Result<Program, String> {
        let missing = |_| format!("{name}: scripts/tools.sh bench installs it");
        tool::find(name).map(Program::new).map_err(missing)
    }

    /// With more arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Program {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// With the words of a line as more arguments.
    pub fn words(self, line: &str) -> Program {
        self.args(line.split_whitespace())
    }

    /// With a variable.
    pub fn environment(mut self, name: &str, value: &str) -> Program {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs it to its end.
    pub fn run(&self) -> Took {
        let took = self.run_for(DEADLINE);
        assert!(took.well, "{} {:?} failed", self.program.display(), self.args);
        took
    }

    /// Runs it to its end, or so long.
    pub fn run_for(&self, most: Duration) -> Took {
        let began = Instant::now();
        let mut child = Command::new(&self.program)
            .args(&self.args)
            .env("PATH", tool::search_path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        let mut largest = 0;
        loop {
            largest = largest.max(largest_now(&child));
            if let Some(status) = child.try_wait().expect("a child can be waited for") {
                let wall = began.elapsed().as_secs_f64();
                return Took { wall, largest, well: status.success() };
            }
            if began.elapsed() > most {
                process::end_family(&mut child);
                return Took { wall: most.as_secs_f64(), largest, well: false };
            }
            thread::sleep(EVERY);
        }
    }
}

/// The peak of the largest process of a family so far, bytes.
fn largest_now(child: &Child) -> u64 {
    let family = std::iter::once(child.id()).chain(process::descendants(child.id()));
    family.filter_map(peak).max().unwrap_or_default()
}

/// A process may end while one looks at it.
fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}
