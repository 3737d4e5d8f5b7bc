//! `.deliver/help`: the project's own options and its own part of the help. The original reads it
//! before the command line, so it is apart from the config.

use anyhow::Context as _;
use camino::Utf8Path;

use crate::exit::Failure;
use crate::report::{Report, ReportOptions};
use crate::shell::{Ending, NoRequests, ShellError, ShellHost, ShellOptions, Variables, bash_of};
use crate::transport::Interrupt;

/// A bash that has read `.deliver/help`.
pub(super) struct ProjectHelp {
    host: ShellHost,
    before: Variables,
}

impl ProjectHelp {
    /// That of the project at `project`, where it has one.
    ///
    /// # Errors
    /// When there is no bash, or the file is no shell script.
    pub(super) fn of(project: &Utf8Path) -> Result<Option<Self>, Failure> {
        let file = project.join(".deliver/help");
        if !file.is_file() {
            return Ok(None);
        }
        let options = ShellOptions {
            bash: bash_of(std::env::var("BASH_CMD").ok().as_deref()),
            project: project.as_std_path().to_owned(),
            report: Report::new(ReportOptions::default()),
            interrupt: Interrupt::from_signals().context("cannot watch for ctrl-c")?,
        };
        let mut host = ShellHost::start(options, ".deliver/help").map_err(ShellError::into_failure)?;
        host.load(&file, None, &mut NoRequests).map_err(ShellError::into_failure)?;
        let before = host.variables().clone();
        Ok(Some(Self { host, before }))
    }

    /// What the project adds to the help (`print_custom_commands_help`); empty without it.
    ///
    /// # Errors
    /// When the function ends bash.
    pub(super) fn commands(&mut self) -> Result<Vec<u8>, Failure> {
        const FUNCTION: &str = "print_custom_commands_help";
        if self.host.function(FUNCTION).is_none() {
            return Ok(Vec::new());
        }
        let outcome = self.host.value(FUNCTION, &[], &mut NoRequests).map_err(ShellError::into_failure)?;
        Ok(outcome.output)
    }

    /// Whether the project knows an option that we do not (`accepts_custom_command_argument`).
    ///
    /// # Errors
    /// When the function ends bash.
    pub(super) fn accepts(&mut self, command: &str, argument: &str) -> Result<bool, Failure> {
        const FUNCTION: &str = "accepts_custom_command_argument";
        if self.host.function(FUNCTION).is_none() {
            return Ok(false);
        }
        let outcome = self
            .host
            .call(FUNCTION, &[command, argument], &mut NoRequests)
            .map_err(ShellError::into_failure)?;
        Ok(outcome.ending == Ending::Returned(0))
    }

    /// What these functions have set: the config and its hooks see it.
    pub(super) fn set(&self) -> Vec<(String, String)> {
        let new = |(name, text): &(&str, &str)| self.before.get(name) != Some(text);
        self.host
            .variables()
            .texts()
            .filter(new)
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .collect()
    }
}
