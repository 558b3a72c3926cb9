//! A child and its process group: one handle, one fate.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

use super::spec::{Limits, Spec};
use super::{Failure, leash};

/// What a child inherits of our environment.
const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];

/// A running child. Dropping it kills the whole group.
pub(super) struct Group {
    pub(super) child: Child,
    id: Option<Pid>,
}

impl Group {
    /// Starts the program as the leader of a new group, with piped output.
    pub(super) fn start(spec: &Spec) -> Result<Group, Failure> {
        let mut command = leash::command(&spec.program);
        command
            .args(&spec.args)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            // The runtime then reaps the child even if no task waits for it.
            .kill_on_drop(true);
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(spec.env.iter().map(|(name, value)| (name, value)));
        if let Some(cwd) = &spec.cwd {
            command.current_dir(cwd);
        }
        let child = command.spawn().map_err(|error| match error.kind() {
            // A missing working folder gives the same error as a missing program.
            std::io::ErrorKind::NotFound if spec.cwd.as_ref().is_none_or(|cwd| cwd.is_dir()) => {
                Failure::NotFound(spec.program.clone())
            }
            _ => Failure::Spawn { program: spec.program.clone(), error },
        })?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group = Group { child, id };
        group.limit(spec.limits).map_err(|error| Failure::Spawn {
            program: spec.program.clone(),
            error: error.into(),
        })?;
        Ok(group)
    }

    #[cfg(target_os = "linux")]
    fn limit(&self, limits: Limits) -> rustix::io::Result<()> {
        use rustix::process::{Resource, Rlimit, prlimit};
        let wanted = [(Resource::As, limits.memory_bytes), (Resource::Fsize, limits.file_bytes)];
        for (resource, limit) in wanted {
            if limit.is_some() {
                prlimit(self.id, resource, Rlimit { current: limit, maximum: limit })?;
            }
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn limit(&self, _: Limits) -> rustix::io::Result<()> {
        Ok(())
    }

    /// Kills every process of the group. Does nothing the second time.
    ///
    /// The number of a group is free for others only once its last member is
    /// gone, so this belongs right after the leader's end and no later.
    pub(super) fn kill(&mut self) {
        if let Some(id) = self.id.take() {
            // The only error that can come is that no process is left.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
