//! One connection to one host.

use std::io::{Read, Write};
use std::time::Duration;

use super::docker::Docker;
use super::engine::Engine;
use super::envelope::Envelope;
use super::watch::Watch;
use super::{
    ConnectOptions, ExitStatus, HostAddr, Interrupt, Output, RemoteCommand, RemotePath, Stdin, Stream,
    TransportError, connect, transfer,
};

/// Ends a command that nobody waits for any more.
const STOP: &str = include_str!("stop.sh");
/// How long that may take.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// One connection to one host, kept for the whole command.
pub struct Session {
    addr: HostAddr,
    engine: Box<dyn Engine>,
    interrupt: Interrupt,
}

impl Session {
    /// Connects: to this machine, with libssh2, or with the system's OpenSSH where the user's ssh
    /// configuration asks for what libssh2 lacks. An unknown host key is added on first contact,
    /// unless StrictHostKeyChecking forbids it; a changed one is always refused.
    ///
    /// # Errors
    /// [`TransportError::Connect`], [`TransportError::HostKey`], [`TransportError::Authentication`].
    pub fn connect(addr: &HostAddr, options: &ConnectOptions) -> Result<Self, TransportError> {
        let engine = connect::connect(addr, options)?;
        Ok(Self { addr: addr.clone(), engine, interrupt: options.interrupt.clone() })
    }

    /// A container of this machine's docker engine, which runs already, in the place of the host `addr`.
    pub fn in_container(addr: &HostAddr, container: &str, interrupt: &Interrupt) -> Self {
        let engine = Box::new(Docker::new(container));
        Self { addr: addr.clone(), engine, interrupt: interrupt.clone() }
    }

    /// Another session over the same connection, without another login: commands of both run at the
    /// same time. A connection that breaks is broken for both.
    #[must_use]
    pub fn share(&self) -> Self {
        Self { addr: self.addr.clone(), engine: self.engine.share(), interrupt: self.interrupt.clone() }
    }

    /// The host.
    pub fn addr(&self) -> &HostAddr {
        &self.addr
    }

    /// Runs a command, gives it `stdin`, hands its output to `sink` as it comes.
    ///
    /// When the wait is ended by the command's deadline or by ctrl-c the command is stopped on the
    /// host, and the session can be used again. A background process that the command leaves behind
    /// is not waited for.
    ///
    /// # Errors
    /// When the link fails or the wait is ended; the command's own failure is in the status.
    pub fn exec(
        &mut self,
        command: &RemoteCommand,
        mut stdin: Stdin<'_>,
        sink: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<ExitStatus, TransportError> {
        self.run(command, &mut stdin, sink)
    }

    /// Runs a command and returns all of its output.
    ///
    /// # Errors
    /// As [`Session::exec`].
    pub fn output(
        &mut self,
        command: &RemoteCommand,
        mut stdin: Stdin<'_>,
    ) -> Result<Output, TransportError> {
        self.collect(command, &mut stdin)
    }

    /// Copies `source` to a new private file (mode 0600) on the host, and tells `progress` how many
    /// bytes are through. The file appears under its name when all of it has landed, was compared
    /// by its sha256 and is on the host's disk, or not at all. Returns its size.
    ///
    /// # Errors
    /// When the link fails, `source` cannot be read, the host cannot write the file
    /// ([`TransportError::Remote`]), or something else landed ([`TransportError::Damaged`]).
    pub fn upload(
        &mut self,
        source: &mut (dyn Read + Send),
        to: &RemotePath,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64, TransportError> {
        transfer::upload(self, source, to, progress)
    }

    /// Copies a file on the host into `sink`, tells `progress` how many bytes are through, and
    /// compares the sha256 with the host's. Returns its size. On an error `sink` may hold a part.
    ///
    /// # Errors
    /// When the link fails, the host cannot read the file ([`TransportError::Remote`]), `sink`
    /// cannot be written, or something else came ([`TransportError::Damaged`]).
    pub fn download(
        &mut self,
        from: &RemotePath,
        sink: &mut dyn Write,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64, TransportError> {
        transfer::download(self, from, sink, progress)
    }

    /// Runs a command and collects its output.
    pub(super) fn collect(
        &mut self,
        command: &RemoteCommand,
        input: &mut dyn Read,
    ) -> Result<Output, TransportError> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let status = self.run(command, input, &mut |stream, bytes| match stream {
            Stream::Stdout => stdout.extend_from_slice(bytes),
            Stream::Stderr => stderr.extend_from_slice(bytes),
        })?;
        Ok(Output { status, stdout, stderr })
    }

    fn run(
        &mut self,
        command: &RemoteCommand,
        input: &mut dyn Read,
        sink: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<ExitStatus, TransportError> {
        let mut leader = None;
        let ran = self.attempt(command, input, sink, &mut leader);
        if let (Err(TransportError::Interrupted(_) | TransportError::Deadline { .. }), Some(leader)) =
            (&ran, leader)
        {
            self.stop(leader);
        }
        ran
    }

    /// Runs a command. When the wait is ended early it may go on on the host, led by `leader`.
    fn attempt(
        &mut self,
        command: &RemoteCommand,
        input: &mut dyn Read,
        sink: &mut dyn FnMut(Stream, &[u8]),
        leader: &mut Option<i32>,
    ) -> Result<ExitStatus, TransportError> {
        let envelope = Envelope::new(command);
        let mut answer = envelope.answer(sink);
        let watch = Watch::over(command, &self.addr, &self.interrupt);
        if let Some(reason) = watch.reason_to_end() {
            return Err(reason);
        }
        let ran = self.engine.run(
            &mut envelope.script.as_slice().chain(input),
            &mut |stream, bytes| {
                let flow = answer.take(stream, bytes);
                if answer.leader().is_some() {
                    watch.started();
                }
                flow
            },
            &watch,
        );
        let told = answer.finish();
        *leader = answer.leader();
        match (ran, told) {
            (Ok(_) | Err(TransportError::Lost { .. }), Some(status)) => Ok(status),
            (Ok(status), None) => match answer.noise() {
                Some(printed) => Err(TransportError::Shell { host: self.addr.clone(), status, printed }),
                // What frames the command was killed with it.
                None if !status.success() => Ok(status),
                None => Err(TransportError::Lost {
                    host: self.addr.clone(),
                    reason: "the command ended without a word about how".to_owned(),
                }),
            },
            (Err(error), _) => Err(error),
        }
    }

    /// Stops what an abandoned command left running, so that it does not go on beside a rollback.
    fn stop(&mut self, leader: i32) {
        let stop = RemoteCommand::script(STOP).arg(leader.to_string()).uninterruptible().deadline(STOP_LIMIT);
        // The caller gets the error that ended the wait; where the link is gone this fails as well,
        // and the next command on this session says so.
        let _ = self.attempt(&stop, &mut std::io::empty(), &mut |_, _| {}, &mut None);
    }
}
