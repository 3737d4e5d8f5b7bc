//! The build host: runs the steps of a build and reports what they say.

use std::collections::VecDeque;
use std::io::Write;

use crate::exit::{Exit, Failure};
use crate::report::Report;
use crate::settings::SshSettings;
use crate::transport::{
    ConnectOptions, ExitStatus, HostAddr, Interrupt, RemoteCommand, RemotePath, Session, Stdin,
    TransportError,
};

use super::{OnFailure, Task};

/// How much of a step's output is kept for its error.
const TAIL_LINES: usize = 20;
const LONGEST_LINE: usize = 2000;

/// The build host, connected.
pub struct BuildHost<'a> {
    session: Session,
    report: &'a Report,
}

/// Why a step did not work.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The command failed.
    #[error(transparent)]
    Failed(Box<FailedStep>),
    /// The link failed, or the user asked to stop.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

/// A step whose command failed.
#[derive(Debug, thiserror::Error)]
#[error("{step} failed on {host} with {status}\n  command: {command}{}", said(.output))]
pub struct FailedStep {
    /// What was tried, as the status line says it.
    pub step: String,
    /// Where.
    pub host: HostAddr,
    /// As one would type it there.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// The last lines of its output.
    pub output: Vec<String>,
}

fn said(output: &[String]) -> String {
    let lines: String = output.iter().map(|line| format!("\n    {line}")).collect();
    if lines.is_empty() {
        "\n  without any output".to_owned()
    } else {
        format!("\n  the end of its output:{lines}")
    }
}

impl StepError {
    /// How the whole command ends with it.
    pub fn into_failure(self) -> Failure {
        let exit = match &self {
            StepError::Transport(TransportError::Interrupted(signal)) => Exit::Interrupted(*signal),
            _ => Exit::Failed,
        };
        Failure { exit, error: self.into(), hints: Vec::new() }
    }
}

impl<'a> BuildHost<'a> {
    /// Connects. The user's ssh agent goes along, for dependencies from private repositories.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn connect(
        addr: &HostAddr,
        ssh: &SshSettings,
        interrupt: &Interrupt,
        report: &'a Report,
    ) -> Result<Self, TransportError> {
        let options = ConnectOptions {
            ssh_config: ssh.config.clone(),
            timeout: ssh.timeout,
            forward_agent: true,
            interrupt: interrupt.clone(),
        };
        Ok(Self { session: Session::connect(addr, &options)?, report })
    }

    /// A container that runs already, in the place of the host `addr`.
    pub(super) fn in_container(
        addr: &HostAddr,
        container: &str,
        interrupt: &Interrupt,
        report: &'a Report,
    ) -> Self {
        Self { session: Session::in_container(addr, container, interrupt), report }
    }

    /// This machine, for the tools that work here.
    ///
    /// # Errors
    /// When there is no connection.
    pub(super) fn here(interrupt: &Interrupt, report: &'a Report) -> Result<Self, TransportError> {
        let options = ConnectOptions {
            ssh_config: None,
            timeout: std::time::Duration::ZERO,
            forward_agent: false,
            interrupt: interrupt.clone(),
        };
        Ok(Self { session: Session::connect(&HostAddr::local(), &options)?, report })
    }

    /// Another one over the same connection.
    pub(super) fn share(&self) -> Self {
        Self { session: self.session.share(), report: self.report }
    }

    /// The host.
    pub fn addr(&self) -> &HostAddr {
        self.session.addr()
    }

    /// The connection, for scripts of the config.
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Runs a command whose output is shown with `-V`.
    ///
    /// # Errors
    /// When it fails.
    pub fn run(&mut self, step: &str, command: &RemoteCommand) -> Result<(), StepError> {
        self.feed(step, command, Stdin::Empty)
    }

    /// The same with something for its standard input.
    ///
    /// # Errors
    /// When it fails.
    pub fn feed(&mut self, step: &str, command: &RemoteCommand, stdin: Stdin<'_>) -> Result<(), StepError> {
        let _spinner = self.report.step(step);
        self.report.info(&command.display());
        let (report, mut tail) = (self.report, Tail::default());
        let status = self.session.exec(command, stdin, &mut |_, bytes| {
            report.output(bytes);
            tail.add(bytes);
        })?;
        self.judged(step, command, status, tail)
    }

    /// Runs a command of a tool.
    ///
    /// # Errors
    /// When it fails and must not.
    pub fn run_task(&mut self, step: &str, task: &Task) -> Result<(), StepError> {
        match (self.run(step, &task.command), task.on_failure) {
            (Err(StepError::Failed(_)), OnFailure::GoOn(hint)) => {
                self.report.hint(hint);
                Ok(())
            }
            (result, _) => result,
        }
    }

    /// Runs a command for what it prints.
    ///
    /// # Errors
    /// When it fails.
    pub fn ask(&mut self, step: &str, command: &RemoteCommand) -> Result<String, StepError> {
        let (status, answer) = self.try_ask(command)?;
        self.judge(step, command, status, &answer).map(|()| answer)
    }

    /// The same for bytes.
    ///
    /// # Errors
    /// When it fails.
    pub fn ask_bytes(&mut self, step: &str, command: &RemoteCommand) -> Result<Vec<u8>, StepError> {
        let output = self.session.output(command, Stdin::Empty)?;
        self.judge(step, command, output.status, &String::from_utf8_lossy(&output.stderr))?;
        Ok(output.stdout)
    }

    /// Runs a command for its status and what it prints, on both outputs if it fails.
    ///
    /// # Errors
    /// When the link fails.
    pub fn try_ask(&mut self, command: &RemoteCommand) -> Result<(ExitStatus, String), StepError> {
        let output = self.session.output(command, Stdin::Empty)?;
        let mut answer = output.stdout;
        if !output.status.success() {
            answer.extend_from_slice(&output.stderr);
        }
        Ok((output.status, String::from_utf8_lossy(&answer).into_owned()))
    }

    /// Copies a file into `sink`.
    ///
    /// # Errors
    /// As [`Session::download`].
    pub fn download(
        &mut self,
        from: &RemotePath,
        size: u64,
        sink: &mut dyn Write,
    ) -> Result<(), TransportError> {
        let bar = self.report.transfer(&format!("{}:{from}", self.addr()), size);
        self.session.download(from, sink, &mut |bytes| bar.at(bytes)).map(drop)
    }

    /// What a status and the output with it mean.
    pub(super) fn judge(
        &self,
        step: &str,
        command: &RemoteCommand,
        status: ExitStatus,
        output: &str,
    ) -> Result<(), StepError> {
        let mut tail = Tail::default();
        tail.add(output.as_bytes());
        self.judged(step, command, status, tail)
    }

    fn judged(
        &self,
        step: &str,
        command: &RemoteCommand,
        status: ExitStatus,
        tail: Tail,
    ) -> Result<(), StepError> {
        if status.success() {
            return Ok(());
        }
        Err(StepError::Failed(Box::new(FailedStep {
            step: step.to_owned(),
            host: self.addr().clone(),
            command: command.display(),
            status,
            output: tail.lines(),
        })))
    }
}

/// The last lines of what goes by.
#[derive(Default)]
struct Tail {
    lines: VecDeque<String>,
    /// The line that has not ended yet.
    rest: Vec<u8>,
}

impl Tail {
    fn add(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = LONGEST_LINE.saturating_sub(self.rest.len());
            self.rest.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        let line = String::from_utf8_lossy(&rest);
        // Empty lines say nothing, and a progress display ends with what it says last.
        let line = line.trim_end().rsplit('\r').next().unwrap_or_default();
        if !line.is_empty() {
            self.lines.push_back(line.to_owned());
        }
        if self.lines.len() > TAIL_LINES {
            self.lines.pop_front();
        }
    }

    fn lines(mut self) -> Vec<String> {
        self.end_line();
        self.lines.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_has_the_last_lines() {
        let mut tail = Tail::default();
        for number in 0..30 {
            tail.add(b"li");
            tail.add(format!("ne {number}\n\n").as_bytes());
        }
        tail.add(b"10%\r20%\r99% done\nno end");
        let lines = tail.lines();
        assert_eq!(lines.len(), TAIL_LINES);
        assert_eq!(lines[TAIL_LINES - 3..], ["line 29", "99% done", "no end"]);
    }

    #[test]
    fn an_endless_line_is_cut() {
        let mut tail = Tail::default();
        (0..100).for_each(|_| tail.add(&[b'x'; 1000]));
        assert_eq!(tail.lines()[0].len(), LONGEST_LINE);
    }
}
