//! What carries commands to a host: the one thing in which ssh2, OpenSSH and `local` differ.

use std::io::Read;
use std::ops::ControlFlow;

use super::watch::Watch;
use super::{ExitStatus, Stream, TransportError};

/// Takes the command's output; breaks when the command has ended and all of its output has come.
pub(super) type Sink<'a> = dyn FnMut(Stream, &[u8]) -> ControlFlow<()> + 'a;

/// A connection, or a share in one, that runs one command at a time.
pub(super) trait Engine: Send {
    /// Has the user's login shell run [`LINE`](super::envelope::LINE), gives it `input`, hands its output to `sink` as it
    /// comes. Returns when the outputs are at their end or the sink breaks off: a daemon that the
    /// command left behind may hold them open for ever.
    ///
    /// # Errors
    /// When the link fails or the watch ends the wait. The engine can be used again after the latter.
    fn run(
        &mut self,
        input: &mut dyn Read,
        sink: &mut Sink<'_>,
        watch: &Watch<'_>,
    ) -> Result<ExitStatus, TransportError>;

    /// Another share in the same connection: both run commands at the same time.
    fn share(&self) -> Box<dyn Engine>;
}
