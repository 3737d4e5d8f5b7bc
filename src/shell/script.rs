//! Text that hooks send to hosts, run over our own sessions.

use std::fmt;

use super::{Reach, RemoteScript, Reply, Requests, Variables};
use crate::exit::{Exit, Failure};
use crate::report::{Report, To};
use crate::transport::{
    ConnectOptions, ExitStatus, HostAddr, RemoteCommand, Session, Stdin, Stream, TransportError,
};

/// Finds the shell for such text.
const HOOK: &str = include_str!("hook.sh");

/// How the text is run and what is shown of it.
#[derive(Clone)]
pub struct ScriptMode {
    /// Shows the output.
    pub report: Report,
    /// `-V`: output is shown as it comes.
    pub verbose: bool,
    /// It stops at its first failing command. Off with `HOOK_ERREXIT=false`.
    pub errexit: bool,
}

/// Text of a hook that failed on a host.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The link failed, or the text cannot be sent.
    #[error(transparent)]
    Link(#[from] TransportError),
    /// It ended with a status other than 0.
    #[error("a script of the config ended with {status} on {host}:\n{}", Indented(.script))]
    Failed {
        /// Where it ran.
        host: HostAddr,
        /// How it ended.
        status: ExitStatus,
        /// The script.
        script: String,
    },
    /// `__sync_remote` is for one host, `__remote` for at least one.
    #[error("{0}")]
    Hosts(String),
    /// The text is not UTF-8.
    #[error("a script for {0} is not UTF-8 text")]
    NotUtf8(String),
}

/// A script without the indentation that all of its lines share.
struct Indented<'a>(&'a str);

impl fmt::Display for Indented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<&str> = self.0.lines().filter(|line| !line.trim().is_empty()).collect();
        let indent = |line: &&str| line.len() - line.trim_start_matches([' ', '\t']).len();
        let shared = lines.iter().map(indent).min().unwrap_or(0);
        let lines: Vec<String> = lines.iter().map(|line| format!("  {}", &line[shared..])).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Runs a hook's script on a host. Returns its output when that is the value of a command
/// substitution: without -V with what it printed on standard error, as the original had it.
///
/// # Errors
/// When it ends with a status other than 0, or the link fails.
pub fn run_script(
    session: &mut Session,
    script: &RemoteScript,
    mode: &ScriptMode,
) -> Result<Vec<u8>, ScriptError> {
    let host = session.addr().clone();
    let text = std::str::from_utf8(&script.text).map_err(|_| ScriptError::NotUtf8(host.to_string()))?;
    let strictness = if mode.errexit { "strict" } else { "lenient" };
    let command = RemoteCommand::script(HOOK).arg(text).arg(strictness);
    let stdin = script.stdin.as_deref().map_or(Stdin::Empty, Stdin::Bytes);
    let mut output = Vec::new();
    let status = session.exec(&command, stdin, &mut |stream, bytes| {
        if mode.verbose && (!script.is_value || stream == Stream::Stderr) {
            mode.report.output(bytes);
        } else {
            output.extend_from_slice(bytes);
        }
    })?;
    if status.success() {
        if !script.is_value {
            mode.report.log(String::from_utf8_lossy(&output).trim_end());
        }
        return Ok(if script.is_value { output } else { Vec::new() });
    }
    mode.report.passed_on(To::Output, &output);
    Err(ScriptError::Failed { host, status, script: text.to_owned() })
}

/// The hosts that hooks reach, each over one connection for the whole command.
pub struct Hosts {
    options: ConnectOptions,
    sessions: Vec<(String, Session)>,
}

impl Hosts {
    /// None yet; they are connected to when they are needed.
    pub fn new(options: ConnectOptions) -> Self {
        Self { options, sessions: Vec::new() }
    }

    /// Reaches their hosts over these sessions from now on.
    pub fn reach_over(&mut self, sessions: Vec<Session>) {
        for session in sessions {
            let name = session.addr().to_string();
            self.sessions.retain(|(known, _)| *known != name);
            self.sessions.push((name, session));
        }
    }

    /// The session with a host, as `HOSTS_APP_USER` names it.
    ///
    /// # Errors
    /// When it is no host's name, or cannot be connected to.
    pub fn session(&mut self, name: &str) -> Result<&mut Session, ScriptError> {
        let at = match self.sessions.iter().position(|(known, _)| known == name) {
            Some(at) => at,
            None => {
                let addr: HostAddr = name
                    .parse()
                    .map_err(|error| ScriptError::Hosts(format!("{name} is no host: {error}")))?;
                self.sessions.push((name.to_owned(), Session::connect(&addr, &self.options)?));
                self.sessions.len() - 1
            }
        };
        Ok(&mut self.sessions[at].1)
    }

    /// Runs a hook's script on all the hosts that it is for, at once.
    ///
    /// # Errors
    /// When it fails on one of them: the first of these failures.
    pub fn run(&mut self, script: &RemoteScript, mode: &ScriptMode) -> Result<Vec<u8>, ScriptError> {
        check_hosts(script)?;
        for host in &script.hosts {
            self.session(host)?;
        }
        let reached = self.sessions.iter_mut().filter(|(name, _)| script.hosts.contains(name));
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let running: Vec<_> =
                reached.map(|(_, session)| scope.spawn(move || run_script(session, script, mode))).collect();
            running.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
        });
        let mut output = Vec::new();
        for outcome in outcomes {
            match outcome {
                Ok(ran) => output.extend(ran?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(output)
    }
}

/// `__sync_remote` is for exactly one host.
///
/// # Errors
/// When the script is for none, or for more than it may be for.
pub fn check_hosts(script: &RemoteScript) -> Result<(), ScriptError> {
    let problem = match (script.reach, script.hosts.len()) {
        (_, 0) => "a script of the config is for no host: HOSTS_APP_USER is empty here".to_owned(),
        (Reach::One, 2..) => format!(
            "__sync_remote runs a script on one host, and it was given several ({}); use __remote for all of them",
            script.hosts.join(" ")
        ),
        _ => return Ok(()),
    };
    Err(ScriptError::Hosts(problem))
}

impl ScriptError {
    /// As the failure of a command.
    pub fn into_failure(self) -> Failure {
        match self {
            ScriptError::Link(TransportError::Interrupted(signal)) => {
                let error = anyhow::anyhow!("interrupted");
                Failure { exit: Exit::Interrupted(signal), error, hints: Vec::new() }
            }
            error => Failure::failed(error),
        }
    }
}

/// A step of ours by its name, for a function that calls it: what it prints, or why it failed.
pub type Steps<'a> = dyn FnMut(&str, &[String], &mut Variables) -> Result<Vec<u8>, Failure> + 'a;

/// Serves functions over [`Hosts`], with the steps that a recipe has.
pub struct Serving<'a> {
    hosts: &'a mut Hosts,
    mode: ScriptMode,
    steps: &'a mut Steps<'a>,
    failure: Option<Failure>,
}

impl<'a> Serving<'a> {
    /// Serves scripts on `hosts`, and `steps`.
    pub fn new(hosts: &'a mut Hosts, mode: ScriptMode, steps: &'a mut Steps<'a>) -> Self {
        Self { hosts, mode, steps, failure: None }
    }
}

impl Requests for Serving<'_> {
    fn remote(&mut self, script: &RemoteScript) -> Reply {
        let text = String::from_utf8_lossy(&script.text);
        self.mode.report.log(&format!("{} : {text}", script.hosts.join(" ")));
        match self.hosts.run(script, &self.mode) {
            Ok(output) => Reply::output(output),
            Err(error) => {
                self.mode.report.error(&error.to_string());
                self.failure = Some(error.into_failure());
                Reply::failed(1)
            }
        }
    }

    fn step(&mut self, name: &str, arguments: &[String], variables: &mut Variables) -> Reply {
        match (self.steps)(name, arguments, variables) {
            Ok(output) => Reply::output(output),
            Err(failure) => {
                self.mode.report.error(&failure.to_string());
                let status = failure.exit.code();
                self.failure = Some(failure);
                Reply::failed(status)
            }
        }
    }

    fn log(&mut self, text: &str) {
        self.mode.report.log(text);
    }

    fn take_failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_shown_without_their_indentation() {
        assert_eq!(Indented("\n    set -e\n      cd x\n\n    y\n  ").to_string(), "  set -e\n    cd x\n  y");
    }

    #[test]
    fn one_host_is_one_host() {
        let script = |reach, hosts: &[&str]| RemoteScript {
            text: Vec::new(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            reach,
            is_value: false,
            stdin: None,
        };
        assert!(check_hosts(&script(Reach::One, &["a"])).is_ok());
        assert!(check_hosts(&script(Reach::All, &["a", "b"])).is_ok());
        let several = check_hosts(&script(Reach::One, &["a", "b"])).unwrap_err();
        assert!(several.to_string().contains("(a b)"), "{several}");
        assert!(check_hosts(&script(Reach::All, &[])).is_err());
    }
}
