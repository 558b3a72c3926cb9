//! The real daemon as a child process: started on a free port with a data folder of its own,
//! killed, stopped and started again on the same data.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::tool;

/// How long a start or a stop may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running daemon, killed when dropped.
#[derive(Debug)]
pub struct Daemon {
    folder: TempDir,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    room_mb: Option<u32>,
    child: Child,
    base: String,
    starts: u32,
}

/// The `clipmill` program of this build.
///
/// # Panics
/// When it was not built; `cargo build -p clipmill` does that.
pub fn program() -> PathBuf {
    let exe = std::env::current_exe().expect("the path of this test program");
    let profile = exe
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "deps"))
        .and_then(Path::parent)
        .expect("test programs are in PROFILE/deps");
    let program = profile.join("clipmill");
    assert!(program.is_file(), "build it first: cargo build -p clipmill");
    program
}

impl Daemon {
    /// Starts a daemon with these lines of config.toml; `[server] listen` and `[folders] data`
    /// are set by flags. Loopback sources are allowed, password hashes are cheap.
    pub fn start(config: &str) -> Daemon {
        Daemon::start_with(config, &[])
    }

    /// The same, with variables of the environment.
    pub fn start_with(config: &str, environment: &[(&str, &str)]) -> Daemon {
        Daemon::start_in(config, &[], environment, None)
    }

    /// The same, with flags of `clipmill serve`.
    pub fn start_by(config: &str, flags: &[&str], environment: &[(&str, &str)]) -> Daemon {
        Daemon::start_in(config, flags, environment, None)
    }

    /// The same, with its data on a disk of so many megabytes (Linux: a tmpfs in a mount
    /// namespace of its own, so it is empty again after a restart).
    pub fn start_in_room(config: &str, room_mb: u32) -> Daemon {
        Daemon::start_in(config, &[], &[], Some(room_mb))
    }

    fn start_in(
        config: &str,
        flags: &[&str],
        environment: &[(&str, &str)],
        room_mb: Option<u32>,
    ) -> Daemon {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("config.toml"), config).expect("config.toml is written");
        let defaults = [
            ("CLIPMILL_NETWORK_ALLOW", "127.0.0.0/8"),
            ("CLIPMILL_AUTH_BCRYPT_COST", "4"),
            ("CLIPMILL_LIMITS_LOGIN_PER_MINUTE", "0"),
            ("CLIPMILL_LIMITS_PUBLIC_PER_MINUTE", "0"),
            ("CLIPMILL_LIMITS_SAVE_PER_MINUTE", "0"),
            ("CLIPMILL_LIMITS_SAVE_PER_USER_PER_MINUTE", "0"),
            ("CLIPMILL_WORKERS_LEASE_SECONDS", "3"),
            ("CLIPMILL_WORKERS_BACKOFF_SECONDS", "1"),
        ];
        let environment: Vec<(String, String)> = defaults
            .iter()
            .filter(|(name, _)| !environment.iter().any(|(own, _)| own == name))
            .chain(environment)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let (child, base) = spawn(folder.path(), &flags, &environment, room_mb, 0);
        Daemon { folder, flags, environment, room_mb, child, base, starts: 1 }
    }

    /// The address of a path: `daemon.url("/api/auth/me")`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The data folder, as this process reaches it.
    pub fn data(&self) -> PathBuf {
        let data = self.folder.path().join("data");
        match self.room_mb {
            None => data,
            Some(_) => PathBuf::from(format!("/proc/{}/root{}", self.pid(), data.display())),
        }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether a job's lease with this owner is this daemon's.
    pub fn owns(&self, owner: &str) -> bool {
        let own = fs::read_to_string(self.data().join("node.id")).unwrap_or_default();
        !own.is_empty() && owner.ends_with(own.trim())
    }

    /// Everything that was logged since the first start.
    pub fn log(&self) -> String {
        (0..self.starts)
            .map(|start| {
                let path = self.folder.path().join(format!("log.{start}"));
                fs::read_to_string(path).unwrap_or_default()
            })
            .collect()
    }

    /// Names in one of the folders below the data folder, sorted.
    pub fn names_in(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.data().join(folder))
            .map(|entries| {
                let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
                names.collect()
            })
            .unwrap_or_default();
        names.sort();
        names
    }

    /// `kill -9`; the children of the daemon live on, as they would.
    pub fn kill(&mut self) {
        self.child.kill().expect("the daemon can be killed");
        self.child.wait().expect("the killed daemon is reaped");
    }

    /// Stops its time, as a machine that is suspended; its children's goes on.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on after [`Daemon::freeze`].
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the daemon gets the signal");
    }

    /// A graceful stop; answers how the daemon ended.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the daemon can be waited for") {
                return status;
            }
            assert!(since.elapsed() < PATIENCE, "the daemon did not stop\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts it again on the same data, after [`Daemon::kill`] or [`Daemon::stop`].
    pub fn start_again(&mut self) {
        let Daemon { flags, environment, room_mb, starts, .. } = self;
        let (child, base) = spawn(self.folder.path(), flags, environment, *room_mb, *starts);
        self.child = child;
        self.base = base;
        self.starts += 1;
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))
            .expect("Linux tells about processes in /proc");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number of KiB")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- log of the daemon ---\n{}", self.log());
        }
    }
}

/// A daemon that did not start.
#[derive(Debug)]
pub struct Refusal {
    /// How it ended.
    pub status: ExitStatus,
    /// What it said on standard error, its log included.
    pub stderr: String,
    /// How long it took to give up.
    pub took: Duration,
}

/// Starts a daemon that must not start, with these arguments and variables and no others.
///
/// # Panics
/// When it starts nevertheless, or does neither.
pub fn refused(arguments: &[&str], environment: &[(String, String)]) -> Refusal {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut child = Command::new(program())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(arguments)
        .env_clear()
        .env("PATH", tool::search_path())
        .env("HOME", folder.path())
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the daemon can be started");
    let mut out = child.stderr.take().expect("stderr is piped");
    let stderr = thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = out.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let since = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("the daemon can be waited for") {
            break Some(status);
        }
        if since.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            break None;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let took = since.elapsed();
    let stderr = stderr.join().expect("the reading thread does not panic");
    let status = status.unwrap_or_else(|| panic!("the daemon runs\n{stderr}"));
    Refusal { status, stderr, took }
}

/// The command that becomes the daemon, in a small room or not.
fn command(folder: &Path, room_mb: Option<u32>) -> Command {
    let Some(megabytes) = room_mb else { return Command::new(program()) };
    let data = folder.join("data");
    fs::create_dir_all(&data).expect("the data folder is made");
    let mount = format!("mount -t tmpfs -o size={megabytes}m none \"$0\" && exec \"$@\"");
    let mut command = Command::new("unshare");
    // Only root may mount without a user namespace, and is nobody special within one.
    let user = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
    command.args([user, "sh", "-c", &mount]).arg(data).arg(program());
    command
}

fn spawn(
    folder: &Path,
    flags: &[String],
    environment: &[(String, String)],
    room_mb: Option<u32>,
    start: u32,
) -> (Child, String) {
    let log = File::create(folder.join(format!("log.{start}"))).expect("a log file");
    let mut child = command(folder, room_mb)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.join("data"))
        .arg("--config")
        .arg(folder.join("config.toml"))
        .args(flags)
        .env_clear()
        .env("PATH", tool::search_path())
        .env("HOME", folder)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the daemon can be started");
    let mut out = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("the daemon prints UTF-8");
    let Some(base) = line.trim().strip_prefix("listening on ") else {
        let _ = child.kill();
        let _ = child.wait();
        let log = fs::read_to_string(folder.join(format!("log.{start}"))).unwrap_or_default();
        panic!("the daemon did not start: {line}{log}");
    };
    let base = base.to_owned();
    // Somebody must read on, or the daemon would one day wait for the pipe.
    thread::spawn(move || {
        let _ = out.read_to_end(&mut Vec::new());
    });
    (child, base)
}
