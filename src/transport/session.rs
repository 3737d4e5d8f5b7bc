//! One connection to one host.

use std::io::{Read, Write};
use std::time::Duration;

use camino::Utf8PathBuf;

use super::{HostAddr, Interrupt, RemoteCommand, RemotePath, TransportError};

/// How to connect.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// The ssh configuration to use instead of the user's (`SSH_CONFIG`).
    pub ssh_config: Option<Utf8PathBuf>,
    /// How long to wait for the connection (`SSH_TIMEOUT`, seconds).
    pub timeout: Duration,
    /// Whether the host should be able to use the user's ssh agent, as a build host needs for
    /// private dependencies. Without an agent this asks for nothing.
    pub forward_agent: bool,
    /// What ends waits early.
    pub interrupt: Interrupt,
}

/// How a command on a host ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitStatus {
    /// It exited with this status.
    Code(i32),
    /// A signal ended it.
    Signal(String),
}

impl ExitStatus {
    /// Whether it exited with status 0.
    pub fn success(&self) -> bool {
        *self == ExitStatus::Code(0)
    }
}

impl std::fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ExitStatus::Code(code) => write!(f, "exit status {code}"),
            ExitStatus::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// Which of the command's two outputs a piece of text came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What the command reads on its standard input.
pub enum Stdin<'a> {
    /// Nothing: it is at its end at once.
    Empty,
    /// These bytes.
    Bytes(&'a [u8]),
    /// All that the reader gives.
    Reader(&'a mut (dyn Read + Send)),
}

/// A command's whole output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// One connection to one host, kept for the whole command.
pub struct Session {
    addr: HostAddr,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// [`TransportError::Connect`], [`TransportError::HostKey`], [`TransportError::Authentication`].
    pub fn connect(addr: &HostAddr, options: &ConnectOptions) -> Result<Self, TransportError> {
        let _ = options;
        Ok(Self { addr: addr.clone() })
    }

    /// The host.
    pub fn addr(&self) -> &HostAddr {
        &self.addr
    }

    /// Runs a command, gives it `stdin`, hands its output to `sink` as it comes.
    ///
    /// # Errors
    /// When the link fails; the command's own failure is in the status.
    pub fn exec(
        &mut self,
        command: &RemoteCommand,
        stdin: Stdin<'_>,
        sink: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<ExitStatus, TransportError> {
        let _ = (command, stdin, sink);
        todo!()
    }

    /// Runs a command and returns all of its output.
    ///
    /// # Errors
    /// As [`Session::exec`].
    pub fn output(&mut self, command: &RemoteCommand, stdin: Stdin<'_>) -> Result<Output, TransportError> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let status = self.exec(command, stdin, &mut |stream, bytes| match stream {
            Stream::Stdout => stdout.extend_from_slice(bytes),
            Stream::Stderr => stderr.extend_from_slice(bytes),
        })?;
        Ok(Output { status, stdout, stderr })
    }

    /// Copies `source` to a new private file on the host. Whole or not at all.
    ///
    /// # Errors
    /// When the link fails or the host cannot write the file.
    pub fn upload(
        &mut self,
        source: &mut (dyn Read + Send),
        to: &RemotePath,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64, TransportError> {
        let _ = (source, to, progress);
        todo!()
    }

    /// Copies a file on the host into `sink`.
    ///
    /// # Errors
    /// When the link fails, the host cannot read the file or `sink` cannot be written.
    pub fn download(
        &mut self,
        from: &RemotePath,
        sink: &mut dyn Write,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64, TransportError> {
        let _ = (from, sink, progress);
        todo!()
    }
}
