//! One command on a channel of its own.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use ssh2::Channel;

use super::link::{Blocked, Link};
use super::turns::Turns;
use crate::transport::engine::Sink;
use crate::transport::outgoing::Outgoing;
use crate::transport::watch::Watch;
use crate::transport::{ExitStatus, HostAddr, Stream, TransportError};

/// How much is read from the input, and from the host, at once.
const CHUNK: usize = 1 << 17;
/// libssh2 sends at most 32 KiB at once: how often before a look at what the host says.
const WRITES: usize = 4;
/// How long the host may take to close the channel of a command.
const CLOSING: Duration = Duration::from_secs(5);

/// Runs a command, see [`Engine::run`](crate::transport::engine::Engine::run).
/// Others may run theirs on the same link meanwhile.
pub(super) fn run(
    turns: &Turns,
    input: &mut dyn Read,
    sink: &mut Sink<'_>,
    watch: &Watch<'_>,
) -> Result<ExitStatus, TransportError> {
    let channel = open(turns, watch)?;
    let mut exchange = Exchange {
        channel,
        outgoing: Outgoing::new(input, CHUNK),
        buffer: vec![0; CHUNK / 4],
        received: Vec::new(),
        half_sent: None,
        input_ended: false,
        ended: false,
    };
    loop {
        let mut link = turns.take();
        let moved = match watch.check().and_then(|()| exchange.step(&mut link, watch)) {
            Ok(moved) => moved,
            Err(error) => {
                exchange.abandon(&mut link, watch.host());
                return Err(error);
            }
        };
        // Nobody waits for the one who takes the output.
        drop(link);
        exchange.hand_on(sink);
        if exchange.is_over() {
            return exchange.finish(&mut turns.take());
        }
        if moved {
            continue;
        }
        if let Err(error) = turns.listen(watch.patience()) {
            exchange.abandon(&mut turns.take(), watch.host());
            return Err(error);
        }
        // Killed with all that frames it: what holds the outputs open is something else.
        exchange.ended |= exchange.signal().is_some();
    }
}

/// Opens a channel. A host that allows fewer than are wanted is asked again when others may have ended.
fn open(turns: &Turns, watch: &Watch<'_>) -> Result<Channel, TransportError> {
    loop {
        let mut link = turns.take();
        match link.open() {
            Err(_) if link.may_have_room_later() => {}
            opened => return opened,
        }
        drop(link);
        turns.listen(watch.patience())?;
        if let Some(reason) = watch.reason_to_end() {
            return Err(reason);
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
    channel: Channel,
    outgoing: Outgoing<'a>,
    buffer: Vec<u8>,
    /// What the host has said and nobody has been told yet.
    received: Vec<(Stream, Vec<u8>)>,
    half_sent: Option<Part>,
    input_ended: bool,
    /// The command has ended, and all of its output has come.
    ended: bool,
}

impl Exchange<'_> {
    /// Sends and receives what goes now, and leaves no packet half sent: others could send nothing
    /// before it is whole. Returns whether anything moved.
    fn step(&mut self, link: &mut Link, watch: &Watch<'_>) -> Result<bool, TransportError> {
        link.notice()?;
        let sent = self.send(link, watch.host())?;
        let received = self.receive(link)?;
        if sent || received {
            link.heard();
        }
        while let Some(part) = self.half_sent {
            watch.check()?;
            link.wait(watch.patience(), Blocked::HalfSent)?;
            self.send_rest(part, link, watch.host())?;
        }
        // While the host is at it, the next command's channel costs no time.
        if self.input_ended && !self.is_over() {
            link.prepare()?;
        }
        Ok(sent || received)
    }

    /// Goes on with a packet that is half sent.
    fn send_rest(&mut self, part: Part, link: &mut Link, host: &HostAddr) -> Result<(), TransportError> {
        match part {
            Part::Input => self.send_piece(link, host).map(drop),
            Part::Window => self.receive(link).map(drop),
        }
    }

    /// Hands on what the host has said.
    fn hand_on(&mut self, sink: &mut Sink<'_>) {
        for (stream, bytes) in self.received.drain(..) {
            self.ended |= sink(stream, &bytes).is_break();
        }
    }

    fn is_over(&self) -> bool {
        self.ended || self.channel.eof()
    }

    /// The signal that has ended the login shell, if one did.
    fn signal(&self) -> Option<String> {
        // libssh2 fails here only without a channel.
        self.channel.exit_signal().ok().and_then(|signal| signal.exit_signal)
    }

    /// Sends what the host takes now, and the end of the input behind it. Returns whether it took any.
    fn send(&mut self, link: &mut Link, host: &HostAddr) -> Result<bool, TransportError> {
        let mut taken = 0;
        while taken < WRITES && !self.input_ended && !self.ended && self.send_piece(link, host)? {
            taken += 1;
        }
        Ok(taken > 0)
    }

    /// Sends the next piece of input, or its end. Returns whether the host took it.
    fn send_piece(&mut self, link: &mut Link, host: &HostAddr) -> Result<bool, TransportError> {
        let piece =
            self.outgoing.piece().map_err(|source| TransportError::Io { host: host.clone(), source })?;
        if piece.is_empty() {
            return self.send_end(link);
        }
        match self.channel.write(piece) {
            Ok(length) => {
                self.half_sent = None;
                self.outgoing.sent(length);
                Ok(length > 0)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.half_sent = (link.blocked() == Blocked::HalfSent).then_some(Part::Input);
                Ok(false)
            }
            Err(error) => Err(link.fail(&error)),
        }
    }

    /// Says that there is no more input.
    fn send_end(&mut self, link: &mut Link) -> Result<bool, TransportError> {
        // libssh2 cannot go on with this packet when it is half sent; see `Link::wait`.
        if !link.is_writable()? {
            return Ok(false);
        }
        self.channel.send_eof().map_err(|error| link.fail(&error.into()))?;
        self.input_ended = true;
        Ok(true)
    }

    /// Reads what the host has said. Returns whether it said anything.
    fn receive(&mut self, link: &mut Link) -> Result<bool, TransportError> {
        let mut received = false;
        for (stream, id) in [(Stream::Stdout, 0), (Stream::Stderr, ssh2::EXTENDED_DATA_STDERR)] {
            // libssh2 holds one packet: nothing else can be read before it is out.
            if self.half_sent == Some(Part::Input) {
                break;
            }
            match self.channel.stream(id).read(&mut self.buffer) {
                Ok(0) => self.half_sent = None,
                Ok(length) => {
                    self.half_sent = None;
                    received = true;
                    self.received.push((stream, self.buffer[..length].to_vec()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.half_sent = (link.blocked() == Blocked::HalfSent).then_some(Part::Window);
                }
                Err(error) => return Err(link.fail(&error)),
            }
        }
        Ok(received)
    }

    /// Closes the channel of a command that has ended; returns what the host says about how.
    fn finish(mut self, link: &mut Link) -> Result<ExitStatus, TransportError> {
        link.end(&mut self.channel, CLOSING)?;
        if let Some(signal) = self.signal() {
            return Ok(ExitStatus::Signal(signal));
        }
        self.channel.exit_status().map(ExitStatus::Code).map_err(|error| link.fail(&error.into()))
    }

    /// Closes the channel of a command that nobody waits for any more, so that the link can be used
    /// for others. Where that fails the link says so itself the next time.
    fn abandon(mut self, link: &mut Link, host: &HostAddr) {
        let begin = Instant::now();
        while let Some(part) = self.half_sent.filter(|_| begin.elapsed() < CLOSING) {
            let waited = link.wait(Duration::from_millis(100), Blocked::HalfSent);
            if waited.and_then(|()| self.send_rest(part, link, host)).is_err() {
                break;
            }
        }
        // The caller gets the error that ended the wait; a link that is broken by now remembers it.
        let _ = link.end(&mut self.channel, CLOSING);
    }
}
