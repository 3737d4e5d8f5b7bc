//! What carries commands to a host: the one thing in which ssh2, OpenSSH and `local` differ.

use std::io::Read;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::watch::Watch;
use super::{ExitStatus, Stream, TransportError};

/// Takes the command's output; breaks when the command is known to have ended.
pub(super) type Sink<'a> = dyn FnMut(Stream, &[u8]) -> ControlFlow<()> + 'a;

/// A connection that runs one command line at a time.
pub(super) trait Engine: Send {
    /// Has the user's login shell run `line`, gives it `input`, hands its output to `sink` as it
    /// comes. Returns when the outputs are at their end, or soon after the sink has broken off:
    /// a daemon that the command left behind may hold them open for ever.
    ///
    /// # Errors
    /// When the link fails or the watch ends the wait. The engine can be used again after the latter.
    fn run(
        &mut self,
        line: &str,
        input: &mut dyn Read,
        sink: &mut Sink<'_>,
        watch: &Watch<'_>,
    ) -> Result<ExitStatus, TransportError>;
}

/// How long the outputs of a command that has ended may be silent before nobody listens any more.
const QUIET: Duration = Duration::from_millis(200);
/// How long they are listened to in all.
const GRACE: Duration = Duration::from_secs(1);

/// The time between the end of a command and the end of its outputs, which a daemon may hold open.
pub(super) struct Aftermath {
    since: Instant,
    heard: Instant,
}

impl Aftermath {
    /// The command has ended now.
    pub(super) fn begin() -> Self {
        let now = Instant::now();
        Self { since: now, heard: now }
    }

    /// More output came.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// Whether it is time to stop listening.
    pub(super) fn over(&self) -> bool {
        self.heard.elapsed() >= QUIET || self.since.elapsed() >= GRACE
    }
}
