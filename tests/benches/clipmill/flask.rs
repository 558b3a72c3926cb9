//! The usual peer: Flask behind gunicorn with four sync workers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use clipmill_tests::tool;
use serde_json::Value;

use crate::process;

/// A running peer; dropping it ends all of its processes.
pub struct Flask {
    child: Child,
    port: u16,
}

impl Flask {
    /// Starts it on a free port, without waiting for it. It accepts tokens signed with `secret`.
    ///
    /// # Errors
    /// What is missing, and the command that installs it.
    pub fn spawn(secret: &str, answer: &Value) -> Result<Flask, String> {
        let gunicorn = gunicorn()?;
        let port = process::free_port();
        let child = Command::new(gunicorn)
            .args(["--workers", "4", "--worker-class", "sync", "--log-level", "warning"])
            .args(["--bind", &format!("127.0.0.1:{port}")])
            .arg("--chdir")
            .arg(tool::workspace().join("tests/benches"))
            .arg("flask_peer:app")
            .env("PEER_SECRET", secret)
            .env("PEER_ANSWER", answer.to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("gunicorn can be started");
        Ok(Flask { child, port })
    }

    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// As [`Flask::spawn`].
    pub fn start(secret: &str, answer: &Value) -> Result<Flask, String> {
        let flask = Flask::spawn(secret, answer)?;
        process::await_healthz(flask.address());
        Ok(flask)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Resident memory of all its processes in bytes.
    pub fn resident(&self) -> u64 {
        let workers = process::descendants(self.child.id());
        let all = std::iter::once(self.child.id()).chain(workers);
        all.map(process::resident).sum()
    }
}

impl Drop for Flask {
    fn drop(&mut self) {
        process::end_family(&mut self.child);
    }
}

fn gunicorn() -> Result<PathBuf, String> {
    let program = tool::workspace().join(".tools/bench-venv/bin/gunicorn");
    if program.is_file() {
        Ok(program)
    } else {
        Err("gunicorn: scripts/tools.sh bench installs it".to_owned())
    }
}
