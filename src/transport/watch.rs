//! What ends the wait for a command before the command ends.

use std::time::{Duration, Instant};

use super::{HostAddr, Interrupt, RemoteCommand, TransportError};

/// How long a wait may go on without a look at the interrupt.
const GLANCE: Duration = Duration::from_millis(100);

/// Watches over the wait for one command: its deadline, and the user who may want to stop.
pub(super) struct Watch<'a> {
    host: &'a HostAddr,
    interrupt: Option<&'a Interrupt>,
    deadline: Option<(Instant, Duration)>,
}

impl<'a> Watch<'a> {
    /// Begins to watch `command`, which is about to start on `host`.
    pub(super) fn over(command: &RemoteCommand, host: &'a HostAddr, interrupt: &'a Interrupt) -> Self {
        Self {
            host,
            interrupt: command.is_interruptible().then_some(interrupt),
            deadline: command.time_limit().map(|limit| (Instant::now() + limit, limit)),
        }
    }

    /// The host that the command runs on.
    pub(super) fn host(&self) -> &HostAddr {
        self.host
    }

    /// Whether the wait goes on.
    ///
    /// # Errors
    /// [`TransportError::Interrupted`], [`TransportError::Deadline`].
    pub(super) fn check(&self) -> Result<(), TransportError> {
        if let Some(signal) = self.interrupt.and_then(Interrupt::received) {
            return Err(TransportError::Interrupted(signal));
        }
        match self.deadline {
            Some((end, limit)) if Instant::now() >= end => {
                Err(TransportError::Deadline { host: self.host.clone(), seconds: limit.as_secs() })
            }
            _ => Ok(()),
        }
    }

    /// How long to wait for something to happen before the next [`Watch::check`].
    pub(super) fn patience(&self) -> Duration {
        match self.deadline {
            Some((end, _)) => end.saturating_duration_since(Instant::now()).min(GLANCE),
            None => GLANCE,
        }
    }
}
