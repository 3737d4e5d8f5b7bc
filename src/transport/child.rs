//! A process on this machine that carries a command: `sh` itself, or the system's `ssh`.

use std::io::{self, ErrorKind, Read, Write};
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process_group};

use super::engine::Sink;
use super::outgoing::Outgoing;
use super::watch::Watch;
use super::{Stream, TransportError};

/// As much as a pipe takes at once.
const CHUNK: usize = 64 * 1024;
/// How long a process has between being asked to end and being ended.
const GRACE: Duration = Duration::from_secs(2);
/// How long the rest of the output of a process that has ended is read: killed, it may have left
/// something that holds its outputs open.
const REST: Duration = Duration::from_millis(300);
/// How long a process may take to end when the command that it carries has.
const EXIT: Duration = Duration::from_millis(200);

/// Runs `command` to its end: gives it `input`, hands its outputs to `sink` as they come.
///
/// It gets a process group of its own, so that a ctrl-c of the terminal reaches us alone, and we
/// decide. The group is ended when the watch ends the wait.
pub(super) fn run(
    command: &mut Command,
    input: &mut dyn Read,
    sink: &mut Sink<'_>,
    watch: &Watch<'_>,
) -> Result<ExitStatus, TransportError> {
    let program = command.get_program().display().to_string();
    let failed = |what: &str, error: io::Error| TransportError::Lost {
        host: watch.host().clone(),
        reason: format!("cannot {what} {program}: {error}"),
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|error| failed("start", error))?;
    let ended = Pipes::of(&mut child)
        .map_err(|error| failed("talk to", error))
        .and_then(|pipes| pump(&mut child, pipes, Outgoing::new(input, CHUNK), sink, watch));
    if ended.is_err() {
        end(&mut child);
    }
    ended
}

/// Ends a process and its group: asks first, then insists.
pub(super) fn end(child: &mut Child) {
    let group = Pid::from_child(child);
    let asked = Instant::now();
    // Fails when the process has ended by itself, which is what is wanted.
    let _ = kill_process_group(group, Signal::TERM);
    while asked.elapsed() < GRACE && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(10));
    }
    // As above: most have ended when they were asked.
    let _ = kill_process_group(group, Signal::KILL);
    // It fails only for a child that was waited for, and then there is none left.
    let _ = child.wait();
}

fn pump(
    child: &mut Child,
    mut pipes: Pipes,
    mut outgoing: Outgoing<'_>,
    sink: &mut Sink<'_>,
    watch: &Watch<'_>,
) -> Result<ExitStatus, TransportError> {
    let io = |source| TransportError::Io { host: watch.host().clone(), source };
    let mut exited = None;
    loop {
        watch.check()?;
        pipes.wait(watch.patience()).map_err(io)?;
        pipes.feed(&mut outgoing).map_err(io)?;
        if pipes.listen(sink).map_err(io)?.is_break() {
            return exit(child).map_err(io);
        }
        if let Some(status) = child.try_wait().map_err(io)? {
            let since = exited.get_or_insert_with(Instant::now);
            if pipes.outputs_ended() || since.elapsed() >= REST {
                return Ok(status);
            }
        }
    }
}

/// The end of a process whose command has ended. An `ssh` may wait for the end of outputs that a
/// daemon holds open, and is ended then.
fn exit(child: &mut Child) -> io::Result<ExitStatus> {
    let begin = Instant::now();
    while begin.elapsed() < EXIT {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill()?;
    child.wait()
}

/// Our ends of a child's pipes. None blocks.
struct Pipes {
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    buffer: Vec<u8>,
}

impl Pipes {
    fn of(child: &mut Child) -> io::Result<Self> {
        let pipes = Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            buffer: vec![0; CHUNK],
        };
        for (pipe, _) in pipes.open() {
            fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
        }
        Ok(pipes)
    }

    /// The pipes that are open, and what to wait for on each.
    fn open(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let stdin = self.stdin.as_ref().map(|pipe| (pipe.as_fd(), PollFlags::OUT));
        let stdout = self.stdout.as_ref().map(|pipe| (pipe.as_fd(), PollFlags::IN));
        let stderr = self.stderr.as_ref().map(|pipe| (pipe.as_fd(), PollFlags::IN));
        [stdin, stdout, stderr].into_iter().flatten()
    }

    fn outputs_ended(&self) -> bool {
        self.stdout.is_none() && self.stderr.is_none()
    }

    /// Waits until one of them can be used, at most `patience`.
    fn wait(&self, patience: Duration) -> io::Result<()> {
        // Once the outputs have ended the end of the process is near, and no pipe tells of it.
        let patience = if self.outputs_ended() { Duration::from_millis(2) } else { patience };
        let time = Timespec::try_from(patience).map_err(io::Error::other)?;
        let mut wanted: Vec<_> =
            self.open().map(|(pipe, flags)| PollFd::from_borrowed_fd(pipe, flags)).collect();
        match poll(&mut wanted, Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends as much as the child takes now, and closes its input behind the last byte.
    fn feed(&mut self, outgoing: &mut Outgoing<'_>) -> io::Result<()> {
        while let Some(stdin) = &mut self.stdin {
            let piece = outgoing.piece()?;
            if piece.is_empty() {
                self.stdin = None;
                break;
            }
            match stdin.write(piece) {
                Ok(written) => outgoing.sent(written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // It wants no more, which is its own business: `head` does so.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => self.stdin = None,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Hands on what is there now; breaks off with the sink.
    fn listen(&mut self, sink: &mut Sink<'_>) -> io::Result<ControlFlow<()>> {
        let mut flow = ControlFlow::Continue(());
        if read(&mut self.stdout, &mut self.buffer, |bytes| flow = sink(Stream::Stdout, bytes))? {
            self.stdout = None;
        }
        if flow.is_continue()
            && read(&mut self.stderr, &mut self.buffer, |bytes| flow = sink(Stream::Stderr, bytes))?
        {
            self.stderr = None;
        }
        Ok(flow)
    }
}

/// Reads once from a pipe that does not block. Returns whether it is at its end.
fn read(pipe: &mut Option<impl Read>, buffer: &mut [u8], mut take: impl FnMut(&[u8])) -> io::Result<bool> {
    let Some(pipe) = pipe else { return Ok(false) };
    match pipe.read(buffer) {
        Ok(0) => Ok(true),
        Ok(length) => {
            take(&buffer[..length]);
            Ok(false)
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Waits until there is something to read, or the end of it.
pub(super) fn is_readable(pipe: &impl AsFd, patience: Duration) -> io::Result<bool> {
    let time = Timespec::try_from(patience).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&time)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
