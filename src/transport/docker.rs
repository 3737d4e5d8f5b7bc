//! A container of this machine's docker engine, reached through the engine's CLI.

use std::io::Read;
use std::process::Command;

use super::engine::{Engine, Sink};
use super::envelope::LINE;
use super::local::exit_status;
use super::watch::Watch;
use super::{ExitStatus, TransportError, child};

/// Runs commands in a container that runs.
#[derive(Clone)]
pub(super) struct Docker {
    /// Its name or id.
    container: String,
}

impl Docker {
    /// The container of this name.
    pub(super) fn new(container: &str) -> Self {
        Self { container: container.to_owned() }
    }
}

impl Engine for Docker {
    fn run(
        &mut self,
        input: &mut dyn Read,
        sink: &mut Sink<'_>,
        watch: &Watch<'_>,
    ) -> Result<ExitStatus, TransportError> {
        let mut exec = Command::new("docker");
        exec.args(["exec", "--interactive", &self.container, "sh", "-c", LINE]);
        child::run(&mut exec, input, sink, watch).map(exit_status)
    }

    fn share(&self) -> Box<dyn Engine> {
        Box::new(self.clone())
    }
}
