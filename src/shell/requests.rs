//! What functions of the user's ask of us while they run.

use super::Variables;
use crate::exit::Failure;

/// Serves functions of the user's while they run. Whatever goes wrong is shown by the one who
/// serves; bash only gets the status.
pub trait Requests {
    /// Runs a script on hosts (`__sync_remote`, `__remote`).
    fn remote(&mut self, script: &RemoteScript) -> Reply;

    /// Runs a step of the original by its name, as custom strategies do. It sees the variables as
    /// they are at that moment, and what it sets is set in bash.
    fn step(&mut self, name: &str, arguments: &[String], variables: &mut Variables) -> Reply;

    /// Writes a line to the log (`__log`).
    fn log(&mut self, text: &str);

    /// What went wrong last while serving, once: the reason of a function that fails because of it.
    fn take_failure(&mut self) -> Option<Failure> {
        None
    }
}

/// Text that a function sends to hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteScript {
    /// The script, byte for byte as the function gave it.
    pub text: Vec<u8>,
    /// The hosts, as in `HOSTS_APP_USER`: `user@host`.
    pub hosts: Vec<String>,
    /// On how many hosts it may run.
    pub reach: Reach,
    /// Whether its output is the value of a command substitution.
    pub is_value: bool,
    /// What was piped into it.
    pub stdin: Option<Vec<u8>>,
}

/// On how many hosts a script may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// On one (`__sync_remote`).
    One,
    /// On several at once (`__remote`).
    All,
}

/// What a function gets back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// The status that bash sees, 0 to 255.
    pub status: u8,
    /// Printed on the standard output of the function.
    pub output: Vec<u8>,
}

impl Reply {
    /// It worked, with this output.
    pub fn output(output: impl Into<Vec<u8>>) -> Self {
        Self { status: 0, output: output.into() }
    }

    /// It failed.
    pub fn failed(status: u8) -> Self {
        Self { status, output: Vec::new() }
    }
}

/// Serves nothing: for loading a config, where no host is known yet.
pub struct NoRequests;

impl Requests for NoRequests {
    fn remote(&mut self, _: &RemoteScript) -> Reply {
        Reply::failed(1)
    }

    fn step(&mut self, _: &str, _: &[String], _: &mut Variables) -> Reply {
        Reply::failed(1)
    }

    fn log(&mut self, _: &str) {}
}
