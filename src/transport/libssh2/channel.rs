//! One command on a channel of its own.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use ssh2::Channel;

use super::link::{Blocked, Link};
use crate::transport::engine::Sink;
use crate::transport::outgoing::Outgoing;
use crate::transport::watch::Watch;
use crate::transport::{ExitStatus, HostAddr, Stream, TransportError};

/// How much is read from the input, and from the host, at once.
const CHUNK: usize = 1 << 20;
/// libssh2 sends at most 32 KiB at once: how often before a look at what the host says.
const WRITES: usize = 32;
/// How long the host may take to close the channel of a command.
const CLOSING: Duration = Duration::from_secs(5);

/// Runs `line` in the login shell, see [`Engine::run`](crate::transport::engine::Engine::run).
pub(super) fn run(
    link: &mut Link,
    line: &str,
    input: &mut dyn Read,
    sink: &mut Sink<'_>,
    watch: &Watch<'_>,
) -> Result<ExitStatus, TransportError> {
    let channel = link.open(line)?;
    let mut exchange = Exchange {
        link,
        channel,
        outgoing: Outgoing::new(input, CHUNK),
        buffer: vec![0; CHUNK / 4],
        half_sent: None,
        input_ended: false,
        ended: false,
    };
    match exchange.pump(sink, watch) {
        Ok(()) => exchange.finish(),
        Err(error) => {
            exchange.abandon(watch.host());
            Err(error)
        }
    }
}

/// What a half sent packet belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// A piece of the command's input.
    Input,
    /// The permission to send more, which reading gives the host.
    Window,
}

struct Exchange<'a> {
    link: &'a mut Link,
    channel: Channel,
    outgoing: Outgoing<'a>,
    buffer: Vec<u8>,
    half_sent: Option<Part>,
    input_ended: bool,
    /// The command has ended, and all of its output has come.
    ended: bool,
}

impl Exchange<'_> {
    /// Sends and receives until the command has ended.
    fn pump(&mut self, sink: &mut Sink<'_>, watch: &Watch<'_>) -> Result<(), TransportError> {
        loop {
            watch.check()?;
            let sent = self.send(watch.host())?;
            let received = self.receive(sink)?;
            if self.half_sent.is_none() && (self.ended || self.channel.eof()) {
                return Ok(());
            }
            if sent || received {
                self.link.heard();
                continue;
            }
            let blocked = self.half_sent.map_or(Blocked::Receiving, |_| Blocked::HalfSent);
            self.link.wait(watch.patience(), blocked)?;
            // Killed with all that frames it: what holds the outputs open is something else.
            self.ended |= self.signal().is_some();
        }
    }

    /// The signal that has ended the login shell, if one did.
    fn signal(&self) -> Option<String> {
        // libssh2 fails here only without a channel.
        self.channel.exit_signal().ok().and_then(|signal| signal.exit_signal)
    }

    /// Sends what the host takes now, and the end of the input behind it. Returns whether it took any.
    fn send(&mut self, host: &HostAddr) -> Result<bool, TransportError> {
        let ended = self.input_ended || self.ended;
        match self.half_sent {
            Some(Part::Window) => return Ok(false),
            None if ended => return Ok(false),
            _ => {}
        }
        let mut taken = 0;
        while taken < WRITES && !self.input_ended && self.send_piece(host)? {
            taken += 1;
        }
        Ok(taken > 0)
    }

    /// Sends the next piece of input, or its end. Returns whether the host took it.
    fn send_piece(&mut self, host: &HostAddr) -> Result<bool, TransportError> {
        let piece =
            self.outgoing.piece().map_err(|source| TransportError::Io { host: host.clone(), source })?;
        if piece.is_empty() {
            return self.send_end();
        }
        match self.channel.write(piece) {
            Ok(length) => {
                self.half_sent = None;
                self.outgoing.sent(length);
                Ok(length > 0)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.half_sent = (self.link.blocked() == Blocked::HalfSent).then_some(Part::Input);
                Ok(false)
            }
            Err(error) => Err(self.link.fail(&error)),
        }
    }

    /// Says that there is no more input.
    fn send_end(&mut self) -> Result<bool, TransportError> {
        // libssh2 cannot go on with this packet when it is half sent; see `Link::wait`.
        if !self.link.is_writable()? {
            return Ok(false);
        }
        self.channel.send_eof().map_err(|error| self.link.fail(&error.into()))?;
        self.input_ended = true;
        Ok(true)
    }

    /// Hands on what the host has said. Returns whether it said anything.
    fn receive(&mut self, sink: &mut Sink<'_>) -> Result<bool, TransportError> {
        if self.half_sent == Some(Part::Input) {
            return Ok(false);
        }
        let mut received = false;
        for (stream, id) in [(Stream::Stdout, 0), (Stream::Stderr, ssh2::EXTENDED_DATA_STDERR)] {
            match self.channel.stream(id).read(&mut self.buffer) {
                Ok(0) => self.half_sent = None,
                Ok(length) => {
                    self.half_sent = None;
                    received = true;
                    self.ended |= sink(stream, &self.buffer[..length]).is_break();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.half_sent = (self.link.blocked() == Blocked::HalfSent).then_some(Part::Window);
                }
                Err(error) => return Err(self.link.fail(&error)),
            }
        }
        Ok(received)
    }

    /// Closes the channel of a command that has ended; returns what the host says about how.
    fn finish(mut self) -> Result<ExitStatus, TransportError> {
        self.link.close(&mut self.channel, CLOSING)?;
        if let Some(signal) = self.signal() {
            return Ok(ExitStatus::Signal(signal));
        }
        self.channel.exit_status().map(ExitStatus::Code).map_err(|error| self.link.fail(&error.into()))
    }

    /// Closes the channel of a command that nobody waits for any more, so that the link can be used
    /// for others. Where that fails the link says so itself the next time.
    fn abandon(mut self, host: &HostAddr) {
        let begin = Instant::now();
        while self.half_sent.is_some() && begin.elapsed() < CLOSING {
            let moved = match self.half_sent {
                Some(Part::Input) => self.send_piece(host),
                _ => self.receive(&mut |_, _| std::ops::ControlFlow::Continue(())),
            };
            let waited = moved.and_then(|_| match self.half_sent {
                Some(_) => self.link.wait(Duration::from_millis(100), Blocked::HalfSent),
                None => Ok(()),
            });
            if waited.is_err() {
                return;
            }
        }
        // The caller gets the error that ended the wait; a link that is broken by now remembers it.
        let _ = self.link.close(&mut self.channel, CLOSING);
    }
}
