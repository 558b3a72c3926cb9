//! Running a child to its end.

use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::Instant;

use super::Failure;
use super::group::Group;
use super::lines::Lines;
use super::spec::Spec;
use super::tail::Tail;

/// Bytes of standard error that are read at a time.
pub(super) const ERROR_PIECE: usize = 4 * 1024;

/// How long the pipes may stay open after the child's own end: a descendant
/// that holds them gets this long to finish.
pub(super) const PIPE_GRACE: Duration = Duration::from_secs(2);

/// How long a killed child may take until it is gone.
const KILL_GRACE: Duration = Duration::from_secs(5);

/// What a successful run left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// All of standard output.
    pub stdout: Vec<u8>,
    /// The last lines of standard error, about 8 KiB at most.
    pub stderr_tail: String,
}

/// Runs a program and keeps its standard output.
///
/// Dropping the future kills the program and all its descendants.
///
/// # Errors
/// [`Failure`]; [`Failure::OutputTooLarge`] as soon as standard output goes
/// beyond `max_stdout` bytes.
pub async fn run(spec: Spec, max_stdout: usize) -> Result<Output, Failure> {
    let mut stdout = Vec::new();
    let stderr_tail = drive(&spec, |bytes| {
        if stdout.len() + bytes.len() > max_stdout {
            return Err(Failure::OutputTooLarge { limit: max_stdout });
        }
        stdout.extend_from_slice(bytes);
        Ok(())
    })
    .await?;
    Ok(Output { stdout, stderr_tail })
}

/// Runs a program and hands every line of its standard output to `on_line`,
/// while it runs. Lines are cut at 64 KiB. Returns the last lines of standard
/// error, about 8 KiB at most.
///
/// Dropping the future kills the program and all its descendants.
///
/// # Errors
/// [`Failure`].
pub async fn run_lines(
    spec: Spec,
    mut on_line: impl FnMut(&str) + Send,
) -> Result<String, Failure> {
    let mut lines = Lines::default();
    let tail = drive(&spec, |bytes| {
        lines.push(bytes, &mut on_line);
        Ok(())
    })
    .await?;
    lines.finish(&mut on_line);
    Ok(tail)
}

/// Starts the child, feeds `sink` from its standard output and waits for its
/// end. On every failure the group is killed and gone before this returns.
async fn drive(
    spec: &Spec,
    sink: impl FnMut(&[u8]) -> Result<(), Failure> + Send,
) -> Result<String, Failure> {
    let mut group = Group::start(spec)?;
    let mut tail = Tail::default();
    let ended = watch(spec, &mut group, &mut tail, sink).await;
    group.kill();
    match ended {
        Ok(status) if status.success() => Ok(tail.into_text()),
        Ok(status) => Err(Failure::Exit { status, stderr_tail: tail.into_text() }),
        Err(stop) => {
            reap(&mut group).await;
            Err(stop.explain(spec, tail))
        }
    }
}

/// Waits until a killed child is gone.
pub(super) async fn reap(group: &mut Group) {
    // Reaping may fail only if the child is already reaped.
    let _ = tokio::time::timeout(KILL_GRACE, group.child.wait()).await;
}

/// Why a child is not waited for any longer.
pub(super) enum Stop {
    Deadline,
    Silence(Duration),
    Failed(Failure),
}

impl Stop {
    /// In the words of callers.
    pub(super) fn explain(self, spec: &Spec, tail: Tail) -> Failure {
        let stderr_tail = tail.into_text();
        match self {
            Stop::Deadline => Failure::Timeout { after: spec.deadline, stderr_tail },
            Stop::Silence(after) => Failure::Silent { after, stderr_tail },
            Stop::Failed(failure) => failure,
        }
    }
}

async fn watch(
    spec: &Spec,
    group: &mut Group,
    tail: &mut Tail,
    mut sink: impl FnMut(&[u8]) -> Result<(), Failure> + Send,
) -> Result<ExitStatus, Stop> {
    let began = Instant::now();
    let mut heard = began;
    let (mut stdout, mut stderr) = (group.child.stdout.take(), group.child.stderr.take());
    let (mut out, mut err) = (vec![0; 32 * 1024], vec![0; ERROR_PIECE]);
    let mut ended: Option<(ExitStatus, Instant)> = None;
    loop {
        if let Some((status, _)) = ended
            && stdout.is_none()
            && stderr.is_none()
        {
            return Ok(status);
        }
        let (wake, stop) = next_limit(spec, began, heard);
        let wake = ended.map_or(wake, |(_, at)| wake.min(at + PIPE_GRACE));
        tokio::select! {
            read = read_some(&mut stdout, &mut out), if stdout.is_some() => {
                match read.map_err(|error| Stop::Failed(Failure::Io(error)))? {
                    0 => stdout = None,
                    n => sink(out.get(..n).unwrap_or_default()).map_err(Stop::Failed)?,
                }
                heard = Instant::now();
            }
            read = read_some(&mut stderr, &mut err), if stderr.is_some() => {
                match read.map_err(|error| Stop::Failed(Failure::Io(error)))? {
                    0 => stderr = None,
                    n => tail.push(err.get(..n).unwrap_or_default()),
                }
                heard = Instant::now();
            }
            status = group.child.wait(), if ended.is_none() => {
                let status = status.map_err(|error| Stop::Failed(Failure::Io(error)))?;
                ended = Some((status, Instant::now()));
            }
            () = tokio::time::sleep_until(wake) => match ended {
                // The child did its work; what it left behind is killed.
                Some((status, _)) => return Ok(status),
                None => return Err(stop),
            },
        }
    }
}

/// The nearer of deadline and silence.
pub(super) fn next_limit(spec: &Spec, began: Instant, heard: Instant) -> (Instant, Stop) {
    let deadline = later(began, spec.deadline);
    match spec.silence.map(|silence| (later(heard, silence), silence)) {
        Some((at, silence)) if at < deadline => (at, Stop::Silence(silence)),
        _ => (deadline, Stop::Deadline),
    }
}

/// `start + wait`, or a far future where that can't be told.
fn later(start: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
    start + wait.min(FAR)
}

pub(super) async fn read_some<R: AsyncRead + Unpin>(
    from: &mut Option<R>,
    buffer: &mut [u8],
) -> std::io::Result<usize> {
    match from {
        Some(from) => from.read(buffer).await,
        // Callers don't ask a closed pipe; this keeps a wrong one from spinning.
        None => std::future::pending().await,
    }
}
