//! What ends the wait for a command before the command ends.

use std::cell::{Cell, OnceCell};
use std::time::{Duration, Instant};

use super::{HostAddr, Interrupt, RemoteCommand, TransportError};

/// How long a wait may go on without a look at the interrupt.
const GLANCE: Duration = Duration::from_millis(100);

/// How long the end of a wait is put off until the command is known to have started.
const START: Duration = Duration::from_secs(3);

/// Watches over the wait for one command: its deadline, and the user who may want to stop.
pub(super) struct Watch<'a> {
    host: &'a HostAddr,
    interrupt: Option<&'a Interrupt>,
    deadline: Option<(Instant, Duration)>,
    started: Cell<bool>,
    noticed: OnceCell<Instant>,
}

impl<'a> Watch<'a> {
    /// Begins to watch `command`, which is about to start on `host`.
    pub(super) fn over(command: &RemoteCommand, host: &'a HostAddr, interrupt: &'a Interrupt) -> Self {
        Self {
            host,
            interrupt: command.is_interruptible().then_some(interrupt),
            deadline: command.time_limit().map(|limit| (Instant::now() + limit, limit)),
            started: Cell::new(false),
            noticed: OnceCell::new(),
        }
    }

    /// The host that the command runs on.
    pub(super) fn host(&self) -> &HostAddr {
        self.host
    }

    /// The command has started.
    pub(super) fn started(&self) {
        self.started.set(true);
    }

    /// Whether the wait goes on. It does not end just before the command is known to have started:
    /// nobody could stop it then.
    ///
    /// # Errors
    /// [`TransportError::Interrupted`], [`TransportError::Deadline`].
    pub(super) fn check(&self) -> Result<(), TransportError> {
        match self.reason_to_end() {
            Some(reason) if self.started.get() || self.noticed_for() >= START => Err(reason),
            _ => Ok(()),
        }
    }

    fn noticed_for(&self) -> Duration {
        self.noticed.get_or_init(Instant::now).elapsed()
    }

    /// What ends the wait, if anything does already.
    pub(super) fn reason_to_end(&self) -> Option<TransportError> {
        if let Some(signal) = self.interrupt.and_then(Interrupt::received) {
            return Some(TransportError::Interrupted(signal));
        }
        let (end, limit) = self.deadline?;
        (Instant::now() >= end)
            .then(|| TransportError::Deadline { host: self.host.clone(), seconds: limit.as_secs() })
    }

    /// How long to wait for something to happen before the next [`Watch::check`].
    pub(super) fn patience(&self) -> Duration {
        match self.deadline {
            Some((end, _)) if self.noticed.get().is_none() => {
                end.saturating_duration_since(Instant::now()).min(GLANCE)
            }
            _ => GLANCE,
        }
    }
}
