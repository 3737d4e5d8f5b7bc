//! One command on one host whose status is always read.

use crate::transport::{ExitStatus, HostAddr, Output, RemoteCommand, Session, Stdin, Stream, TransportError};

/// How many of a failed command's last lines an error shows.
const TAIL_LINES: usize = 20;

/// A command on a host could not be run, or failed.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The link failed: how the command ended is unknown.
    #[error(transparent)]
    Link(#[from] TransportError),
    /// It ran and ended with a status other than 0.
    #[error(transparent)]
    Command(#[from] CommandFailed),
}

/// A command that ended with a status other than 0.
#[derive(Debug, thiserror::Error)]
#[error("{host}: {command}\nended with {status}{}", .tail.iter().map(|line| format!("\n  {line}")).collect::<String>())]
pub struct CommandFailed {
    /// Where it ran.
    pub host: HostAddr,
    /// As a person would type it.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// The last lines of its output.
    pub tail: Vec<String>,
}

/// Runs `command` and hands its output to `sink` as it comes. The output is also returned.
///
/// # Errors
/// When the link fails or the command does not end with status 0.
pub fn run(
    session: &mut Session,
    command: &RemoteCommand,
    stdin: Stdin<'_>,
    sink: &mut dyn FnMut(&[u8]),
) -> Result<Output, HostError> {
    let (mut stdout, mut stderr, mut both) = (Vec::new(), Vec::new(), Vec::new());
    let status = session.exec(command, stdin, &mut |stream, bytes| {
        sink(bytes);
        both.extend_from_slice(bytes);
        match stream {
            Stream::Stdout => stdout.extend_from_slice(bytes),
            Stream::Stderr => stderr.extend_from_slice(bytes),
        }
    })?;
    if status.success() {
        return Ok(Output { status, stdout, stderr });
    }
    let tail = tail(&both, TAIL_LINES);
    Err(CommandFailed { host: session.addr().clone(), command: command.display(), status, tail }.into())
}

/// The last `lines` lines of an output that are not empty.
pub fn tail(output: &[u8], lines: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let filled: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    filled.iter().skip(filled.len().saturating_sub(lines)).map(|&line| line.to_owned()).collect()
}
