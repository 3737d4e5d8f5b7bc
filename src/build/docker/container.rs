//! The container that a build takes place in.

use camino::{Utf8Path, Utf8PathBuf};

use super::{Docker, docker};
use crate::build::{BuildHost, StepError};
use crate::host::LockOwner;
use crate::report::Report;
use crate::settings::ContainerSettings;
use crate::transport::{HostAddr, Interrupt, RemoteCommand, RemotePath};

/// Holds the checkout, below the project; the container has it as its BUILD_AT.
pub const CHECKOUT: &str = ".docker-build";

/// A container that a build takes place in. It is gone when this is.
pub struct BuildContainer<'a> {
    name: String,
    docker: Docker<'a>,
    checkout: Utf8PathBuf,
    removed: bool,
}

impl<'a> BuildContainer<'a> {
    /// Starts one that has the project's checkout at `at`. The image is pulled where it is not here.
    ///
    /// # Errors
    /// When the engine cannot start it; nothing is left of it then.
    pub fn start(
        mut engine: Docker<'a>,
        settings: &ContainerSettings,
        project: &Utf8Path,
        at: &RemotePath,
    ) -> Result<Self, StepError> {
        let checkout = project.join(CHECKOUT);
        let step = "Creating build container";
        let directory = RemoteCommand::new("mkdir").args(["-p", "--", checkout.as_str()]);
        engine.host.ask(step, &directory)?;
        // A name of ours: whatever cuts the call short, we know what to remove.
        let name = format!("edeliver-build-{}", LockOwner::this_process().nonce);
        let mut container = Self { name, docker: engine, checkout, removed: false };
        let mount = format!(
            "type=bind,{},{}",
            field("source", container.checkout.as_str()),
            field("target", at.as_str())
        );
        let run = docker(["run", "--detach", "--name", &container.name, "--mount", &mount]).args([
            settings.image.as_str(),
            "tail",
            "-f",
            "/dev/null",
        ]);
        container.docker.host.run(step, &run)?;
        Ok(container)
    }

    /// What runs commands in it, in the place of the host `addr`. Git there is told that the checkout may be
    /// used although it belongs to somebody else: to the user of this machine.
    ///
    /// # Errors
    /// When the image has no git.
    pub fn open(
        &self,
        addr: &HostAddr,
        at: &RemotePath,
        interrupt: &Interrupt,
        report: &'a Report,
    ) -> Result<BuildHost<'a>, StepError> {
        let mut host = BuildHost::in_container(addr, &self.name, interrupt, report);
        let trust = RemoteCommand::new("git").args(["config", "--global", "--add", "safe.directory"]).arg(at);
        host.run("Having git use the checkout", &trust)?;
        Ok(host)
    }

    /// The name that the engine knows it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The checkout on this machine.
    pub fn checkout(&self) -> &Utf8Path {
        &self.checkout
    }

    /// This machine, where the checkout is made: the container's user is another one.
    pub fn here(&mut self) -> &mut BuildHost<'a> {
        &mut self.docker.host
    }

    /// The engine, for the image of what was built.
    pub fn docker(&self) -> Docker<'a> {
        self.docker.share()
    }

    /// Removes it.
    pub fn remove(mut self) {
        self.discard();
    }

    fn discard(&mut self) {
        if !self.removed {
            self.removed = true;
            self.docker.discard(&self.name);
        }
    }
}

impl Drop for BuildContainer<'_> {
    fn drop(&mut self) {
        self.discard();
    }
}

/// A field of `--mount`, which is a line of comma separated values.
fn field(name: &str, value: &str) -> String {
    let field = format!("{name}={value}");
    if field.contains([',', '"']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_a_line_of_comma_separated_values() {
        assert_eq!(field("source", "/srv/my app"), "source=/srv/my app");
        assert_eq!(field("source", "/srv/a,b"), "\"source=/srv/a,b\"");
        assert_eq!(field("source", "/srv/a\"b"), "\"source=/srv/a\"\"b\"");
    }
}
