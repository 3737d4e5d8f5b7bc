//! What can go wrong between us and a host, apart from the command itself failing.

use super::{ExitStatus, HostAddr, RemotePath};
use crate::exit::Signal;

/// The link to a host failed, or the wait for it was ended.
///
/// A command that ran and ended with a non-zero status is no such error: see
/// [`ExitStatus`](super::ExitStatus).
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection could be made.
    #[error("cannot connect to {host}: {reason}")]
    Connect {
        /// The host.
        host: HostAddr,
        /// What the ssh library or program said.
        reason: String,
    },
    /// The host's key is not the one that is known for it, which is never accepted; or none is
    /// known, and the ssh configuration wants one.
    #[error("the host key of {host} is not accepted (see {known_hosts}): {reason}")]
    HostKey {
        /// The host.
        host: HostAddr,
        /// The file that holds the known key.
        known_hosts: String,
        /// What differs.
        reason: String,
    },
    /// None of the user's keys was accepted.
    #[error("{host} accepts none of the keys: {tried}")]
    Authentication {
        /// The host.
        host: HostAddr,
        /// What was tried.
        tried: String,
    },
    /// The connection ended or fell silent while a command ran: how the command ended is unknown.
    #[error("lost the connection to {host}: {reason}")]
    Lost {
        /// The host.
        host: HostAddr,
        /// What was seen.
        reason: String,
    },
    /// The command did not end within its time.
    #[error("{host} did not finish within {seconds} s")]
    Deadline {
        /// The host.
        host: HostAddr,
        /// The time it had.
        seconds: u64,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted(Signal),
    /// The host refused to read or write a file: no space, no such file, no permission.
    #[error("{command} failed on {host} with {status}: {stderr}")]
    Remote {
        /// The host.
        host: HostAddr,
        /// What we did there.
        command: Box<str>,
        /// How it ended.
        status: ExitStatus,
        /// What the host said.
        stderr: Box<str>,
    },
    /// What arrived is not what was sent. Nothing of it is kept.
    #[error("{path} was damaged on the way to or from {host}: {reason}")]
    Damaged {
        /// The host.
        host: HostAddr,
        /// The file on the host.
        path: RemotePath,
        /// What differs.
        reason: String,
    },
    /// The user's login shell on the host did not start the command.
    #[error("the login shell of {host} does not run commands ({status}): {printed}")]
    Shell {
        /// The host.
        host: HostAddr,
        /// How the login shell ended.
        status: ExitStatus,
        /// What it printed instead.
        printed: String,
    },
    /// A local source could not be read or a local sink not be written.
    #[error("cannot transfer data with {host}: {source}")]
    Io {
        /// The host.
        host: HostAddr,
        /// The local error.
        source: std::io::Error,
    },
}
