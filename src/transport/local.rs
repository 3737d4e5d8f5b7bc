//! This machine as a host, without ssh.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use super::engine::{Engine, Sink};
use super::watch::Watch;
use super::{ExitStatus, TransportError, child};

/// Runs commands on this machine.
pub(super) struct Local;

impl Engine for Local {
    fn run(
        &mut self,
        line: &str,
        input: &mut dyn Read,
        sink: &mut Sink<'_>,
        watch: &Watch<'_>,
    ) -> Result<ExitStatus, TransportError> {
        let status = child::run(Command::new("sh").args(["-c", line]), input, sink, watch)?;
        Ok(match (status.code(), status.signal()) {
            (Some(code), _) => ExitStatus::Code(code),
            (None, signal) => {
                let number = signal.unwrap_or_default();
                ExitStatus::from_signal(number).unwrap_or_else(|| ExitStatus::Signal(number.to_string()))
            }
        })
    }
}
