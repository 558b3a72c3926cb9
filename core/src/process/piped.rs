//! A child whose output is taken piece by piece, at its reader's pace.

use std::io;

use tokio::process::{ChildStderr, ChildStdout};
use tokio::time::Instant;

use super::Failure;
use super::group::Group;
use super::run::{ERROR_PIECE, PIPE_GRACE, Stop, next_limit, read_some, reap};
use super::spec::Spec;
use super::tail::Tail;

/// A running program that waits while its output is not read.
///
/// Its deadline counts from its start; its silence counts only while a task
/// waits for it. Dropping it kills the program and all its descendants.
pub struct Piped {
    spec: Spec,
    group: Group,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    tail: Tail,
    began: Instant,
    has_failed: bool,
}

impl Piped {
    /// Starts the program.
    ///
    /// # Errors
    /// [`Failure::NotFound`], [`Failure::Spawn`].
    pub fn start(spec: Spec) -> Result<Piped, Failure> {
        let mut group = Group::start(&spec)?;
        let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
        let (tail, began) = (Tail::default(), Instant::now());
        Ok(Piped { spec, group, stdout, stderr, tail, began, has_failed: false })
    }

    /// Fills `piece` from the program's standard output. Fewer bytes mean that
    /// there are no more, and that the program has ended with success.
    ///
    /// # Errors
    /// [`Failure`]; the program and its descendants are gone then, and every
    /// later call fails too.
    pub async fn fill(&mut self, piece: &mut [u8]) -> Result<usize, Failure> {
        if self.has_failed {
            return Err(Failure::Io(io::ErrorKind::BrokenPipe.into()));
        }
        match self.read(piece).await {
            Ok(filled) => Ok(filled),
            Err(stop) => {
                self.has_failed = true;
                self.group.kill();
                reap(&mut self.group).await;
                Err(stop.explain(&self.spec, std::mem::take(&mut self.tail)))
            }
        }
    }

    async fn read(&mut self, piece: &mut [u8]) -> Result<usize, Stop> {
        let failed = |error| Stop::Failed(Failure::Io(error));
        let (mut filled, mut heard) = (0, Instant::now());
        let mut words = [0; ERROR_PIECE];
        while filled < piece.len() && self.stdout.is_some() {
            let (wake, stop) = next_limit(&self.spec, self.began, heard);
            let room = piece.get_mut(filled..).unwrap_or_default();
            tokio::select! {
                read = read_some(&mut self.stdout, room) => match read.map_err(failed)? {
                    0 => self.stdout = None,
                    n => filled += n,
                },
                read = read_some(&mut self.stderr, &mut words), if self.stderr.is_some() => {
                    self.hear(&words, read.map_err(failed)?);
                }
                () = tokio::time::sleep_until(wake) => return Err(stop),
            }
            heard = Instant::now();
        }
        if self.stdout.is_none() {
            self.end().await?;
        }
        Ok(filled)
    }

    /// Waits for the end of a program that has closed its output.
    async fn end(&mut self) -> Result<(), Stop> {
        let failed = |error| Stop::Failed(Failure::Io(error));
        let heard = Instant::now();
        let mut words = [0; ERROR_PIECE];
        let mut ended = None;
        // Its last words may come after its end, from the pipe.
        while ended.is_none() || self.stderr.is_some() {
            let (wake, stop) = next_limit(&self.spec, self.began, heard);
            let wake = ended.map_or(wake, |(_, at)| wake.min(at + PIPE_GRACE));
            tokio::select! {
                read = read_some(&mut self.stderr, &mut words), if self.stderr.is_some() => {
                    self.hear(&words, read.map_err(failed)?);
                }
                status = self.group.child.wait(), if ended.is_none() => {
                    ended = Some((status.map_err(failed)?, Instant::now()));
                }
                () = tokio::time::sleep_until(wake) => match ended {
                    Some(_) => break,
                    None => return Err(stop),
                },
            }
        }
        self.group.kill();
        self.stderr = None;
        match ended {
            Some((status, _)) if !status.success() => {
                let stderr_tail = std::mem::take(&mut self.tail).into_text();
                Err(Stop::Failed(Failure::Exit { status, stderr_tail }))
            }
            _ => Ok(()),
        }
    }

    fn hear(&mut self, words: &[u8], count: usize) {
        match count {
            0 => self.stderr = None,
            n => self.tail.push(words.get(..n).unwrap_or_default()),
        }
    }
}
