//! The docker engine of this machine, reached through its CLI: what builds in containers and release
//! images need of it. Each call is a step of its own, whose status is read.

mod container;
mod image;

pub use container::{BuildContainer, CHECKOUT};
pub use image::{ReleaseImage, Tags, command};

use super::{BuildHost, StepError};
use crate::report::Report;
use crate::transport::{Interrupt, RemoteCommand, TransportError};

/// The docker engine.
pub struct Docker<'a> {
    host: BuildHost<'a>,
    report: &'a Report,
}

impl<'a> Docker<'a> {
    /// The engine that `docker` talks to; nobody has talked to it yet.
    ///
    /// # Errors
    /// When this machine cannot run commands.
    pub fn new(interrupt: &Interrupt, report: &'a Report) -> Result<Self, TransportError> {
        Ok(Self { host: BuildHost::here(interrupt, report)?, report })
    }

    /// Whether there is an engine.
    ///
    /// # Errors
    /// With what the CLI says, or that there is none.
    pub fn check(&mut self) -> Result<(), StepError> {
        let version = docker(["version", "--format", "{{.Server.Version}}"]);
        self.host.ask("Asking the docker engine", &version).map(drop)
    }

    /// Writes an image into a file.
    ///
    /// # Errors
    /// When there is no such image.
    pub fn save(&mut self, reference: &str, file: &str) -> Result<(), StepError> {
        self.host.run("Saving the image", &docker(["save", "--output", file, reference]))
    }

    fn share(&self) -> Self {
        Self { host: self.host.share(), report: self.report }
    }

    /// Removes a container, also after ctrl-c, if there is one of this name.
    fn remove(&mut self, name: &str) -> Result<(), StepError> {
        let step = "Removing a container";
        let filter = format!("name=^/?{name}$");
        let list = docker(["ps", "--all", "--quiet", "--filter", filter.as_str()]).uninterruptible();
        if self.host.ask(step, &list)?.trim().is_empty() {
            return Ok(());
        }
        self.host.ask(step, &docker(["rm", "--force", name]).uninterruptible()).map(drop)
    }

    /// The same where there is no error to tell of it.
    fn discard(&mut self, name: &str) {
        if let Err(error) = self.remove(name) {
            self.report.hint(&format!("The container {name} may still be there: {error}"));
        }
    }
}

/// A call of the CLI.
fn docker<'a>(args: impl IntoIterator<Item = &'a str>) -> RemoteCommand {
    RemoteCommand::new("docker").args(args)
}
