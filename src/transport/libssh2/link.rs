//! The connection under the channels: waiting for it, and noticing when it is gone.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use ssh2::{BlockDirections, Channel, ErrorCode, Session};

use crate::transport::envelope::LINE;
use crate::transport::{HostAddr, TransportError};

/// How long a host may be silent, although it is asked every few seconds, before it counts as gone.
const SILENCE: Duration = Duration::from_secs(10);
/// How long an operation waits before it looks around.
const GLANCE: Duration = Duration::from_millis(100);
/// From here on a host is so far away that one channel ahead is not enough: a command may be over after one
/// round trip, and the next one's channel takes two.
const FAR: Duration = Duration::from_millis(10);
/// How many channels there are to be ahead then.
const AHEAD: usize = 3;
/// What libssh2 returns when it would have to wait.
const WOULD_BLOCK: ErrorCode = ErrorCode::Session(-37);
/// What libssh2 returns when the host says no to a channel or a command, which breaks nothing.
const REFUSALS: [ErrorCode; 2] = [ErrorCode::Session(-21), ErrorCode::Session(-22)];

/// A session of libssh2 that does not block, and its socket.
pub(super) struct Link {
    session: Session,
    socket: TcpStream,
    addr: HostAddr,
    /// How long we have listened in vain. Time in which we were stopped ourselves does not count.
    silence: Duration,
    /// Until when that is known: several may listen at once.
    listened: Instant,
    /// How many channels have a command.
    commands: usize,
    broken: Option<String>,
    /// Channels ahead of their commands, with shells in them that wait for what to do. While no command runs
    /// they serve to read what the host says.
    spares: VecDeque<Channel>,
    /// Whether the host is far away, so that there are to be several of them.
    far: bool,
    /// How many it allows, as far as is known.
    room: usize,
    /// Those in which the host was asked to start a shell. Opening one takes a round trip, and the shell
    /// another, in which the next one is opened.
    starting: VecDeque<Channel>,
}

/// How far an operation of libssh2 has come.
enum Advance<T> {
    Done(T),
    /// It waits for the host.
    Waiting,
    Refused,
}

/// An operation of libssh2 could not be finished now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blocked {
    /// It waits for the host.
    Receiving,
    /// A packet is half sent. libssh2 holds one: only the operation that began it may go on.
    HalfSent,
}

impl Link {
    /// A link over this session, which has been logged in.
    pub(super) fn new(session: Session, socket: TcpStream, addr: HostAddr) -> Self {
        let (silence, listened) = (Duration::ZERO, Instant::now());
        Self {
            session,
            socket,
            addr,
            silence,
            listened,
            commands: 0,
            broken: None,
            spares: VecDeque::new(),
            far: false,
            room: usize::MAX,
            starting: VecDeque::new(),
        }
    }

    /// A channel in which a shell waits for a command, see [`LINE`].
    pub(super) fn open(&mut self) -> Result<Channel, TransportError> {
        if let Some(reason) = &self.broken {
            return Err(self.lost(reason.clone()));
        }
        self.heard();
        let channel = self.ready()?;
        self.commands += 1;
        Ok(channel)
    }

    fn ready(&mut self) -> Result<Channel, TransportError> {
        while let Some(mut channel) = self.spares.pop_front() {
            if self.is_open(&mut channel)? {
                return Ok(channel);
            }
        }
        match self.starting.pop_front() {
            Some(channel) => self.start_in(channel),
            None => self.start(),
        }
    }

    fn start(&mut self) -> Result<Channel, TransportError> {
        let asked = Instant::now();
        let channel = self.complete(SILENCE, Session::channel_session)?;
        self.far |= asked.elapsed() > FAR;
        self.start_in(channel)
    }

    fn start_in(&mut self, mut channel: Channel) -> Result<Channel, TransportError> {
        self.complete(SILENCE, |_| channel.exec(LINE))?;
        Ok(channel)
    }

    /// Whether the shell in it still waits; reads what the host has said so far.
    fn is_open(&mut self, channel: &mut Channel) -> Result<bool, TransportError> {
        match channel.read(&mut [0; 1024]) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(self.fail(&error)),
            _ => {}
        }
        Ok(!channel.eof())
    }

    /// Goes on with getting channels ready for the next commands, as far as that goes now. Nothing is left half
    /// sent.
    ///
    /// # Errors
    /// When the link is broken.
    pub(super) fn prepare(&mut self) -> Result<(), TransportError> {
        for channel in std::mem::take(&mut self.starting) {
            self.start_ahead(channel)?;
        }
        let wanted = if self.far { AHEAD } else { 1 };
        while self.ahead() < self.room.min(wanted) {
            match self.advance(Session::channel_session)? {
                Advance::Done(channel) => self.start_ahead(channel)?,
                Advance::Waiting => break,
                Advance::Refused => self.room = self.ahead(),
            }
        }
        Ok(())
    }

    fn ahead(&self) -> usize {
        self.spares.len() + self.starting.len()
    }

    fn start_ahead(&mut self, mut channel: Channel) -> Result<(), TransportError> {
        match self.advance(|_| channel.exec(LINE))? {
            Advance::Done(()) => self.spares.push_back(channel),
            Advance::Waiting => self.starting.push_back(channel),
            Advance::Refused => self.room = self.ahead(),
        }
        Ok(())
    }

    /// Takes an operation as far as it goes now, and leaves nothing half sent.
    fn advance<T>(
        &mut self,
        mut operation: impl FnMut(&Session) -> Result<T, ssh2::Error>,
    ) -> Result<Advance<T>, TransportError> {
        loop {
            match operation(&self.session) {
                Ok(result) => return Ok(Advance::Done(result)),
                Err(error) if error.code() == WOULD_BLOCK => {}
                Err(error) if REFUSALS.contains(&error.code()) => return Ok(Advance::Refused),
                Err(error) => return Err(self.fail(&error.into())),
            }
            if self.blocked() == Blocked::Receiving {
                return Ok(Advance::Waiting);
            }
            self.wait(GLANCE, Blocked::HalfSent)?;
        }
    }

    /// Whether a channel that was refused may be had when another command has ended.
    pub(super) fn may_have_room_later(&self) -> bool {
        self.broken.is_none() && self.commands > 0
    }

    /// The command on a channel of [`Link::open`] is over, or given up: closes it.
    ///
    /// # Errors
    /// As [`Link::close`].
    pub(super) fn end(&mut self, channel: &mut Channel, limit: Duration) -> Result<(), TransportError> {
        self.commands = self.commands.saturating_sub(1);
        self.close(channel, limit)
    }

    /// Answers a host that asks whether we are there, while no command runs: libssh2 reads what
    /// comes only on a channel. A link that turns out to be broken says so to the next command.
    pub(super) fn beat(&mut self) {
        if self.broken.is_some() || self.commands > 0 {
            return;
        }
        // What fails here says so to the next command.
        if self.prepare().is_err() {
            return;
        }
        let Some(channel) = self.spares.front_mut() else { return };
        match channel.read(&mut [0; 64]) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => drop(self.fail(&error)),
            _ => {}
        }
    }

    /// Closes a channel, and waits until the host has agreed. A host that does not leaves the link
    /// useless.
    fn close(&mut self, channel: &mut Channel, limit: Duration) -> Result<(), TransportError> {
        let closed = self.complete(limit, |_| channel.close());
        if closed.is_err() && self.broken.is_none() {
            self.broken = Some("the host did not let go of the last command".to_owned());
        }
        closed
    }

    /// Repeats an operation until it is finished.
    fn complete<T>(
        &mut self,
        limit: Duration,
        mut operation: impl FnMut(&Session) -> Result<T, ssh2::Error>,
    ) -> Result<T, TransportError> {
        let begin = Instant::now();
        loop {
            match operation(&self.session) {
                Ok(result) => return Ok(result),
                Err(error) if error.code() == WOULD_BLOCK => {
                    let blocked = self.blocked();
                    self.wait(GLANCE, blocked)?;
                }
                Err(error) if REFUSALS.contains(&error.code()) => {
                    return Err(self.lost(format!("it refuses to run one more command: {}", error.message())));
                }
                Err(error) => return Err(self.fail(&error.into())),
            }
            if begin.elapsed() > limit {
                return Err(self.lost(format!("the host did not answer within {} s", limit.as_secs())));
            }
        }
    }

    /// Why the last operation could not be finished.
    pub(super) fn blocked(&self) -> Blocked {
        match self.session.block_directions() {
            BlockDirections::Outbound | BlockDirections::Both => Blocked::HalfSent,
            BlockDirections::None | BlockDirections::Inbound => Blocked::Receiving,
        }
    }

    /// The host has shown that it is there.
    pub(super) fn heard(&mut self) {
        self.silence = Duration::ZERO;
        self.listened = Instant::now();
    }

    /// Notices that the host has said something, before it is read: libssh2 takes answers to our questions
    /// without a word. On a busy machine they are there before anybody waits for them.
    ///
    /// # Errors
    /// When the link is broken.
    pub(super) fn notice(&mut self) -> Result<(), TransportError> {
        if poll_socket(&self.socket, PollFlags::IN, Duration::ZERO).map_err(|error| self.fail(&error))? {
            self.heard();
        }
        Ok(())
    }

    /// Waits until the operation can go on, at most `patience`; asks a silent host whether it is there.
    ///
    /// # Errors
    /// When the host has been silent for too long.
    pub(super) fn wait(&mut self, patience: Duration, blocked: Blocked) -> Result<(), TransportError> {
        let wanted = match blocked {
            // What the host says cannot be read before the packet is out: it is no sign of life.
            Blocked::HalfSent => PollFlags::OUT,
            Blocked::Receiving => PollFlags::IN,
        };
        let begin = Instant::now();
        let ready = poll_socket(&self.socket, wanted, patience);
        let waited = begin.elapsed().min(patience);
        match blocked {
            Blocked::Receiving => self.listened(ready, waited),
            Blocked::HalfSent => self.account(ready, waited),
        }
    }

    /// Somebody has waited for the host that long while nothing was half sent, and it has said
    /// something or not. Asks a silent host whether it is there.
    ///
    /// # Errors
    /// As [`Link::wait`].
    pub(super) fn listened(
        &mut self,
        ready: io::Result<bool>,
        waited: Duration,
    ) -> Result<(), TransportError> {
        // The system takes a packet so small as a whole then: it cannot come to be half sent.
        if self.is_writable()? {
            self.session.keepalive_send().map_err(|error| self.fail(&error.into()))?;
        }
        self.account(ready, waited)
    }

    fn account(&mut self, ready: io::Result<bool>, waited: Duration) -> Result<(), TransportError> {
        match ready.map_err(|error| self.fail(&error))? {
            true => self.heard(),
            false => self.silence += waited.min(self.listened.elapsed()),
        }
        self.listened = Instant::now();
        if self.silence >= SILENCE {
            let reason = format!("no sign of life for {} s", SILENCE.as_secs());
            self.broken = Some(reason.clone());
            return Err(self.lost(reason));
        }
        Ok(())
    }

    /// Whether the system takes more to be sent.
    pub(super) fn is_writable(&mut self) -> Result<bool, TransportError> {
        poll_socket(&self.socket, PollFlags::OUT, Duration::ZERO).map_err(|error| self.fail(&error))
    }

    /// The link is broken, for good.
    pub(super) fn fail(&mut self, error: &io::Error) -> TransportError {
        let reason = format!("the ssh connection broke: {error}");
        self.broken = Some(reason.clone());
        self.lost(reason)
    }

    fn lost(&self, reason: String) -> TransportError {
        TransportError::Lost { host: self.addr.clone(), reason }
    }
}

/// Waits until the socket is ready, at most `patience`. Returns whether it is.
pub(super) fn poll_socket(socket: &TcpStream, wanted: PollFlags, patience: Duration) -> io::Result<bool> {
    let time = Timespec::try_from(patience).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(socket, wanted)], Some(&time)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
