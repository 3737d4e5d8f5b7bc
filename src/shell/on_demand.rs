//! Bash for configs that are more than static: started when one is met.

use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Defined, NoRequests, ShellError, ShellHost, ShellOptions, Value, Variables};
use crate::exit::{Exit, Failure};
use crate::report::{Redactor, Report, ReportOptions};
use crate::settings::shellfile::{self, Function};
use crate::settings::{BeyondStatic, ConfigShell, ReadByBash, Refusal};
use crate::transport::Interrupt;

/// Evaluates configs with the user's own bash. What it has started stays for the hooks.
pub struct OnDemand {
    report: ReportOptions,
    interrupt: Interrupt,
    project: Utf8PathBuf,
    host: Option<ShellHost>,
}

impl OnDemand {
    /// Nothing is started yet. `report` is for what a config prints while it is read: the settings,
    /// which have a say in it, are not known then.
    pub fn new(project: &Utf8Path, report: ReportOptions, interrupt: Interrupt) -> Self {
        Self { report, interrupt, project: project.to_owned(), host: None }
    }

    /// The bash that has read the config, if one had to.
    pub fn into_host(self) -> Option<ShellHost> {
        self.host
    }

    fn try_read(&mut self, config: &BeyondStatic<'_>) -> Result<ReadByBash, ShellError> {
        let redactor = Redactor::new(config.secrets.iter().cloned());
        let options = ShellOptions {
            bash: bash_of(config.variables.get("BASH_CMD")),
            project: self.project.clone().into(),
            report: Report::new(ReportOptions { redactor, ..self.report.clone() }),
            interrupt: self.interrupt.clone(),
        };
        let mut host = ShellHost::start(options, &config.needed_by)?;
        tell_variables(host.variables_mut(), config.variables);
        // What bash and the prelude set by themselves is no doing of the config.
        host.call(":", &[], &mut NoRequests)?;
        let before = host.variables().clone();
        host.load(config.path, config.text, &mut NoRequests)?;
        let read = changes(&before, &host, config.path, &self.project);
        self.host = Some(host);
        Ok(read)
    }
}

impl ConfigShell for OnDemand {
    fn read(&mut self, config: &BeyondStatic<'_>) -> Result<ReadByBash, Refusal> {
        self.try_read(config).map_err(|error| match error {
            ShellError::Syntax { .. } => Refusal::Syntax(error.into()),
            error => Refusal::Other(error.into()),
        })
    }
}

/// The program that is bash: what `BASH_CMD` names, else the one in PATH.
pub fn bash_of(bash_cmd: Option<&str>) -> PathBuf {
    PathBuf::from(bash_cmd.filter(|bash| !bash.is_empty()).unwrap_or("bash"))
}

fn changes(before: &Variables, host: &ShellHost, file: &Utf8Path, project: &Utf8Path) -> ReadByBash {
    let old = |name: &str| before.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
    let mut read = ReadByBash::default();
    for (name, value) in host.variables().iter() {
        match value {
            value if old(name) == Some(value) => {}
            Value::Text { text, exported } => read.set.push((name.to_owned(), text.clone(), *exported)),
            // An array stays in bash, and the text that was there before is gone.
            Value::Kept => read.unset.push(name.to_owned()),
        }
    }
    let now = |name: &str| host.variables().iter().any(|(known, _)| known == name);
    read.unset.extend(before.iter().map(|(name, _)| name.to_owned()).filter(|name| !now(name)));
    read.functions = host.functions().iter().map(|defined| function(defined, file, project)).collect();
    read.functions
        .sort_by(|one, other| (&one.sourced_from, one.line).cmp(&(&other.sourced_from, other.line)));
    read
}

/// A function that bash knows, of a config or of a file that it sources: one of the project's by its
/// name there.
fn function(defined: &Defined, config: &Utf8Path, project: &Utf8Path) -> Function {
    let file = Utf8PathBuf::from(defined.file.display().to_string());
    let shown = file.strip_prefix(project).map(Utf8Path::to_owned).unwrap_or_else(|_| file.clone());
    let sourced_from = (file != config).then_some(shown);
    Function { name: defined.name.clone(), sourced_from, line: defined.line, text: String::new() }
}

/// Hands on the variables of the settings. What bash has inherited from us it need not be told.
pub(super) fn tell_variables(to: &mut Variables, from: &shellfile::Variables) {
    for (name, text) in from.iter() {
        match (from.is_exported(name), std::env::var(name)) {
            (true, Ok(inherited)) if inherited == text => to.know(name, text),
            (true, _) => to.export(name, text),
            (false, _) => to.set(name, text),
        }
    }
}

impl ShellError {
    /// As the failure of a command.
    pub fn into_failure(self) -> Failure {
        match self {
            ShellError::Interrupted(signal) => {
                Failure { exit: Exit::Interrupted(signal), error: self.into(), hints: Vec::new() }
            }
            ShellError::NoBash { .. } | ShellError::Syntax { .. } | ShellError::Exited { .. } => {
                Failure::usage(self)
            }
            _ => Failure::failed(self),
        }
    }
}
