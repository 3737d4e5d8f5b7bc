//! Hooks and redefined steps around the steps of a recipe.

use anyhow::{Context as _, anyhow};
use camino::{Utf8Path, Utf8PathBuf};

use super::names::{self, StepName};
use super::on_demand::tell_variables;
use super::{CallOutcome, Defined, NoRequests, Requests, ShellError, ShellHost, ShellOptions, Variables};
use crate::exit::Failure;
use crate::report::Report;
use crate::settings::Settings;
use crate::settings::shellfile::Function;
use crate::transport::{HostAddr, RemotePath};

/// The functions of a project's config, for the recipes. No bash is started before one is needed.
pub struct Hooks {
    state: State,
    report: Report,
    project: Utf8PathBuf,
    /// Whether bash shows every command (`--debug`).
    traced: bool,
}

enum State {
    /// No function has been needed yet.
    Waiting(Box<Waiting>),
    /// All functions run here.
    Running(Box<ShellHost>),
}

/// What bash is started with once a function is needed.
struct Waiting {
    options: ShellOptions,
    config: Utf8PathBuf,
    functions: Vec<Function>,
    variables: Variables,
}

/// Whether a function was there to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// It ran.
    Yes,
    /// The config does not define it.
    NotDefined,
}

impl Hooks {
    /// The functions of these settings. `host` is the bash that has read the config, if one had to.
    pub fn new(settings: &Settings, host: Option<ShellHost>, options: ShellOptions) -> Self {
        let (report, project) = (options.report.clone(), settings.project().to_owned());
        let state = match host {
            Some(mut host) => {
                host.show_on(options.report);
                tell_variables(host.variables_mut(), settings.variables());
                State::Running(Box::new(host))
            }
            None => {
                let mut variables = Variables::default();
                tell_variables(&mut variables, settings.variables());
                let config = settings.project().join(settings.config());
                let functions = settings.functions().to_vec();
                State::Waiting(Box::new(Waiting { options, config, functions, variables }))
            }
        };
        Self { state, report, project, traced: false }
    }

    /// The variables as the functions see them; what a function sets is here afterwards.
    pub fn variables(&self) -> &Variables {
        match &self.state {
            State::Waiting(waiting) => &waiting.variables,
            State::Running(host) => host.variables(),
        }
    }

    /// The variables, to be changed for the functions that run next.
    pub fn variables_mut(&mut self) -> &mut Variables {
        match &mut self.state {
            State::Waiting(waiting) => &mut waiting.variables,
            State::Running(host) => host.variables_mut(),
        }
    }

    /// Tells the functions which hosts the recipe works on from now on, and where on them: HOSTS,
    /// APP_USER, HOSTS_APP_USER, DELIVER_TO. `__sync_remote` and `__remote` go there.
    pub fn work_on(&mut self, hosts: &[HostAddr], directory: &RemotePath) {
        let names: Vec<&str> = hosts.iter().map(HostAddr::host).collect();
        let logins: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let user = hosts.iter().find_map(HostAddr::user).unwrap_or_default();
        let variables = self.variables_mut();
        variables.set("HOSTS", names.join(" "));
        variables.set("APP_USER", user);
        variables.set("HOSTS_APP_USER", logins.join(" "));
        variables.set("DELIVER_TO", directory.as_str());
    }

    /// Where a function is defined, as messages say it: `.deliver/config:12`. None when it is not.
    pub fn place(&self, function: &str) -> Option<String> {
        let defined = match &self.state {
            State::Waiting(waiting) => {
                let last = waiting.functions.iter().rfind(|defined| defined.name == function)?;
                Defined { name: last.name.clone(), file: waiting.config.clone().into(), line: last.line }
            }
            State::Running(host) => host.function(function)?.clone(),
        };
        let file = Utf8PathBuf::from(defined.file.display().to_string());
        let shown = file.strip_prefix(&self.project).map(Utf8Path::to_owned).unwrap_or(file);
        Some(format!("{shown}:{}", defined.line))
    }

    /// Runs a step with what the config has around it, in the original's order: the hook before it,
    /// the step, the hook after it. A redefined step takes the place of all three, since the
    /// original called the hooks from inside its step.
    ///
    /// # Errors
    /// When one of them fails. The others do not run then.
    pub fn around<C: Requests>(
        &mut self,
        step: &str,
        context: &mut C,
        ours: impl FnOnce(&mut C, &mut Variables) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.run(step, &[], context)? == Ran::Yes {
            return Ok(());
        }
        let hooked_as = names::step(step).map(|StepName { hooked_as, .. }| *hooked_as).unwrap_or_default();
        if hooked_as.is_empty() {
            return ours(context, self.variables_mut());
        }
        self.run(&format!("pre_{hooked_as}"), &[], context)?;
        ours(context, self.variables_mut())?;
        self.run(&format!("post_{hooked_as}"), &[], context)?;
        Ok(())
    }

    /// Runs a function if the config defines it.
    ///
    /// # Errors
    /// When it fails (DESIGN.md, "Strict"), and when bash is needed and not there.
    pub fn run(
        &mut self,
        function: &str,
        arguments: &[&str],
        requests: &mut dyn Requests,
    ) -> Result<Ran, Failure> {
        let Some(place) = self.place(function) else { return Ok(Ran::NotDefined) };
        let host = self.host(function, &place)?;
        let outcome = host.call(function, arguments, requests);
        self.judge(function, &place, outcome, requests)?;
        Ok(Ran::Yes)
    }

    /// What a function says by its status, if the config defines it
    /// (`execute_custom_node_command`): no status is a failure then.
    ///
    /// # Errors
    /// When it ends bash, and when bash is needed and not there.
    pub fn asks(
        &mut self,
        function: &str,
        arguments: &[&str],
        requests: &mut dyn Requests,
    ) -> Result<Option<bool>, Failure> {
        let Some(place) = self.place(function) else { return Ok(None) };
        let host = self.host(function, &place)?;
        let outcome = host.call(function, arguments, requests);
        // What it has got over is no failure of the command.
        drop(requests.take_failure());
        match outcome.map_err(ShellError::into_failure)?.ending {
            // A test that falls through is an answer as well: no.
            super::Ending::Returned(status) | super::Ending::FellThrough(status) => Ok(Some(status == 0)),
            ending => Err(Failure::failed(anyhow!("{function} ({place}) {ending}"))),
        }
    }

    /// What a function prints, if the config defines it (`get_start_node_command`).
    ///
    /// # Errors
    /// As [`Hooks::run`].
    pub fn value(
        &mut self,
        function: &str,
        arguments: &[&str],
        requests: &mut dyn Requests,
    ) -> Result<Option<String>, Failure> {
        let Some(place) = self.place(function) else { return Ok(None) };
        let host = self.host(function, &place)?;
        let outcome = host.value(function, arguments, requests);
        let outcome = self.judge(function, &place, outcome, requests)?;
        let text = String::from_utf8(outcome.output);
        Ok(Some(text.with_context(|| format!("what {function} ({place}) prints is not UTF-8 text"))?))
    }

    /// Reads a custom strategy, whose `run` can be called then.
    ///
    /// # Errors
    /// When it cannot be read, or bash is not there.
    pub fn load_strategy(&mut self, file: &Utf8Path, requests: &mut dyn Requests) -> Result<(), Failure> {
        let host = self.host("the strategy", file.as_str())?;
        host.load(file, None, requests).map(drop).map_err(ShellError::into_failure)
    }

    /// The bash, started when it is needed for the first time.
    fn host(&mut self, function: &str, place: &str) -> Result<&mut ShellHost, Failure> {
        if let State::Waiting(waiting) = &mut self.state {
            let needed_by = format!("{function} ({place})");
            let host = waiting.start(&needed_by).map_err(ShellError::into_failure)?;
            self.state = State::Running(Box::new(host));
        }
        let traces = self.variables().get("MODE") == Some("debug") && !self.traced;
        self.traced |= traces;
        match &mut self.state {
            State::Running(host) => {
                if traces {
                    // As the original did with --debug.
                    host.call("set", &["-x"], &mut NoRequests).map_err(ShellError::into_failure)?;
                }
                Ok(host)
            }
            State::Waiting(_) => {
                Err(Failure::failed(anyhow!("bash was not started for {function} ({place})")))
            }
        }
    }

    fn judge(
        &self,
        function: &str,
        place: &str,
        outcome: Result<CallOutcome, ShellError>,
        requests: &mut dyn Requests,
    ) -> Result<CallOutcome, Failure> {
        // Taken in any case: one that a function has got over must not be found by the next.
        let served = requests.take_failure();
        let mut outcome = outcome.map_err(ShellError::into_failure)?;
        if let Some(failed) = &mut outcome.failed
            && let Ok(shown) = Utf8Path::new(&failed.file).strip_prefix(&self.project)
        {
            failed.file = shown.to_string();
        }
        if outcome.ending.is_fine() {
            return Ok(outcome);
        }
        let lenient = self.variables().get("HOOK_ERREXIT") == Some("false");
        if lenient && matches!(outcome.ending, super::Ending::Returned(_)) {
            let ending = outcome.ending;
            self.report.hint(&format!("{function} ({place}) {ending}, which HOOK_ERREXIT=false ignores"));
            return Ok(outcome);
        }
        Err(failure(function, place, &outcome, served, &self.report))
    }
}

/// Why a function counts as failed: what it did last, and what it printed.
fn failure(
    function: &str,
    place: &str,
    outcome: &CallOutcome,
    served: Option<Failure>,
    report: &Report,
) -> Failure {
    let mut message = format!("{function} ({place}) {}", outcome.ending);
    if let Some(failed) = &outcome.failed {
        message += &report.redact(&format!("; the last command that failed is {failed}"));
    }
    if !outcome.tail.is_empty() {
        message += &format!("\nThe last lines of its output:\n  {}", outcome.tail.join("\n  "));
    }
    match served {
        Some(mut served) => {
            served.error = served.error.context(message);
            served
        }
        None => Failure::failed(anyhow!(message)).hint(
            "Correct the function, or end it with `return 0` where its failure does not matter \
             (HOOK_ERREXIT=false in the config lets all of them fail without consequence).",
        ),
    }
}

impl Waiting {
    /// Starts bash and defines the functions, each on its line. The assignments have been evaluated.
    fn start(&mut self, needed_by: &str) -> Result<ShellHost, ShellError> {
        let mut host = ShellHost::start(self.options.clone(), needed_by)?;
        *host.variables_mut() = self.variables.clone();
        host.load(&self.config, Some(&on_their_lines(&self.functions)), &mut NoRequests)?;
        Ok(host)
    }
}

/// A file with nothing but these functions, which begin on the lines that they have in the config.
fn on_their_lines(functions: &[Function]) -> String {
    let mut text = String::new();
    let mut line = 1;
    for function in functions {
        if line < function.line {
            text.push_str(&"\n".repeat(function.line - line));
            line = function.line;
        } else if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&function.text);
        line += function.text.matches('\n').count();
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_stay_on_their_lines() {
        let function = |name: &str, line, text: &str| {
            let (name, text) = (name.to_owned(), text.to_owned());
            Function { name, sourced_from: None, line, text }
        };
        let functions =
            [function("a", 2, "a() {\n:\n}"), function("b", 4, "b() { :; }"), function("c", 7, "c() { :; }")];
        assert_eq!(on_their_lines(&functions), "\na() {\n:\n}; b() { :; }\n\n\nc() { :; }\n");
    }
}
