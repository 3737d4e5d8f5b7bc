//! How to connect.

use std::time::Duration;

use camino::Utf8PathBuf;

use super::Interrupt;

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
