//! This machine as a host, without ssh.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;

use super::engine::{Engine, Sink};
use super::envelope::LINE;
use super::watch::Watch;
use super::{ExitStatus, HostAddr, TransportError, child};

/// Holds a directory for each host `local/NAME`: its home.
const HOMES: &str = "EDELIVER_LOCAL_HOMES";

/// Runs commands on this machine.
#[derive(Clone)]
pub(super) struct Local {
    /// The home directory, where it is not the user's.
    home: Option<PathBuf>,
}

impl Local {
    /// This machine as the host `addr`.
    pub(super) fn new(addr: &HostAddr) -> Result<Self, TransportError> {
        let Some(name) = addr.local_name() else { return Ok(Self { home: None }) };
        let failed = |reason| TransportError::Connect { host: addr.clone(), reason };
        let homes = std::env::var_os(HOMES)
            .ok_or_else(|| failed(format!("{HOMES} must name the directory for the homes of such hosts")))?;
        let home = PathBuf::from(homes).join(name);
        fs_err::create_dir_all(&home).map_err(|error| failed(error.to_string()))?;
        Ok(Self { home: Some(home) })
    }

    /// A shell of the host, at home.
    pub(super) fn shell(&self) -> Command {
        let mut shell = Command::new("sh");
        if let Some(home) = &self.home {
            shell.env("HOME", home).current_dir(home);
        }
        shell
    }
}

impl Engine for Local {
    fn run(
        &mut self,
        input: &mut dyn Read,
        sink: &mut Sink<'_>,
        watch: &Watch<'_>,
    ) -> Result<ExitStatus, TransportError> {
        let mut shell = self.shell();
        shell.args(["-c", LINE]);
        child::run(&mut shell, input, sink, watch).map(exit_status)
    }

    fn share(&self) -> Box<dyn Engine> {
        Box::new(self.clone())
    }
}

/// How a process of this machine ended.
pub(super) fn exit_status(status: std::process::ExitStatus) -> ExitStatus {
    match (status.code(), status.signal()) {
        (Some(code), _) => ExitStatus::Code(code),
        (None, signal) => {
            let number = signal.unwrap_or_default();
            ExitStatus::from_signal(number).unwrap_or_else(|| ExitStatus::Signal(number.to_string()))
        }
    }
}
