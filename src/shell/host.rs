//! The user's own bash: one for the whole command.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{Timespec, poll};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::channel::{Bell, Channel};
use super::outputs::Outputs;
use super::question::Question;
use super::told::{functions, next_variable, text};
use super::variables::{Change, Told};
use super::{CallOutcome, Defined, Ending, FailedCommand, Reply, Requests, ShellError, Value, Variables};
use crate::report::{Redactor, Report};
use crate::transport::Interrupt;

/// How often it is checked whether bash is still there and nobody wants to stop.
const GLANCE: Duration = Duration::from_millis(50);
/// How long bash may take to end.
const GRACE: Duration = Duration::from_secs(2);

/// What bash is started with.
#[derive(Clone)]
pub struct ShellOptions {
    /// The program: `bash`, or what `BASH_CMD` names.
    pub bash: PathBuf,
    /// The project: bash works there.
    pub project: PathBuf,
    /// Shows what functions print.
    pub report: Report,
    /// Says whether the user has asked to stop.
    pub interrupt: Interrupt,
}

/// The user's own bash, in which every function of the config runs.
pub struct ShellHost {
    bash: PathBuf,
    child: Child,
    /// Whether it leads a process group of its own.
    leads_group: bool,
    channel: Channel,
    outputs: Outputs,
    interrupt: Interrupt,
    variables: Variables,
    functions: Vec<Defined>,
    /// Files of ours that stand for files of the project.
    copies: Vec<(PathBuf, PathBuf)>,
    ended: bool,
}

/// How bash ended a command of ours.
enum End {
    Done(i32),
    Exited(ExitStatus),
}

impl ShellHost {
    /// Starts bash. `needed_by` says in the error what needs it.
    ///
    /// # Errors
    /// [`ShellError::NoBash`], and when the pipes between us cannot be made.
    pub fn start(options: ShellOptions, needed_by: &str) -> Result<Self, ShellError> {
        let channel = Channel::open()?;
        let mut command = Command::new(&options.bash);
        command.args(["--noprofile", "--norc", "-c", r#". "$1/prelude.bash" "$@""#, "edeliver"]);
        command.arg(channel.directory()).arg(std::process::id().to_string());
        command.arg(if options.report.has_colour() { "colour" } else { "plain" });
        command.current_dir(&options.project).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A hook may ask at a terminal. Anything else, as the pipe of a CI, would make it wait.
        command.stdin(if io::IsTerminal::is_terminal(&io::stdin()) {
            Stdio::inherit()
        } else {
            Stdio::null()
        });
        // Programs of another group cannot ask at the terminal, as ssh does for a passphrase. Where
        // there is none, a group of its own lets us end all that a hook has started.
        let leads_group = File::open("/dev/tty").is_err();
        if leads_group {
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(|error| match error.kind() {
            // A project that is gone has the same error.
            ErrorKind::NotFound if options.project.is_dir() => ShellError::NoBash {
                bash: options.bash.display().to_string(),
                needed_by: needed_by.to_owned(),
            },
            _ => ShellError::Io(error),
        })?;
        let outputs = Outputs::of(&mut child, options.report)?;
        let (variables, functions) = (Variables::default(), Vec::new());
        let interrupt = options.interrupt;
        let bash = options.bash;
        Ok(Self {
            bash,
            child,
            leads_group,
            channel,
            outputs,
            interrupt,
            variables,
            functions,
            copies: Vec::new(),
            ended: false,
        })
    }

    /// The variables, as both sides know them.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The variables, to be changed; bash is told before it runs anything.
    pub fn variables_mut(&mut self) -> &mut Variables {
        &mut self.variables
    }

    /// Shows what is printed from now on there.
    pub fn show_on(&mut self, report: Report) {
        self.outputs.show_on(report);
    }

    /// The functions that the project has defined or redefined. What the prelude defines is not
    /// among them.
    pub fn functions(&self) -> &[Defined] {
        &self.functions
    }

    /// The function of that name, if the project defines it.
    pub fn function(&self, name: &str) -> Option<&Defined> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// Reads a file of the project, as `source` does. `text` is what is read, where that differs
    /// from the file's content (its line ends).
    ///
    /// # Errors
    /// [`ShellError::Syntax`], [`ShellError::Exited`], and when bash ends.
    pub fn load(
        &mut self,
        file: &camino::Utf8Path,
        text: Option<&str>,
        requests: &mut dyn Requests,
    ) -> Result<CallOutcome, ShellError> {
        let source = match text {
            None => file.as_std_path().to_owned(),
            Some(text) => {
                let copy = self.channel.directory().join(format!("text.{}", self.copies.len()));
                fs_err::write(&copy, text)?;
                self.copies.push((copy.clone(), file.as_std_path().to_owned()));
                copy
            }
        };
        let shown = source.display().to_string();
        let outcome = self.run("load", &[&shown], requests)?;
        match outcome.ending {
            Ending::Exited(status) | Ending::Killed(status) => {
                let failed = outcome.failed.map(|failed| failed.to_string());
                Err(ShellError::Exited { file: file.to_owned(), status, failed })
            }
            Ending::Returned(0) => Ok(outcome),
            // `source` returns the status of the last command, or says that it could not read on.
            _ => match self.syntax_error(&source)? {
                Some(message) => {
                    let message = message.replace(&shown, file.as_str());
                    Err(ShellError::Syntax { file: file.to_owned(), message })
                }
                None => Ok(outcome),
            },
        }
    }

    /// Runs a function, or any command that bash knows, in the shell itself: what it sets stays.
    ///
    /// # Errors
    /// When bash had ended before, or cannot be talked to. How the function ended is in the outcome.
    pub fn call(
        &mut self,
        function: &str,
        arguments: &[&str],
        requests: &mut dyn Requests,
    ) -> Result<CallOutcome, ShellError> {
        self.run("call", &[&[function], arguments].concat(), requests)
    }

    /// Runs a function for what it prints, as a command substitution does: what it sets is lost.
    ///
    /// # Errors
    /// As [`ShellHost::call`].
    pub fn value(
        &mut self,
        function: &str,
        arguments: &[&str],
        requests: &mut dyn Requests,
    ) -> Result<CallOutcome, ShellError> {
        self.run("value", &[&[function], arguments].concat(), requests)
    }

    fn run(
        &mut self,
        verb: &str,
        words: &[&str],
        requests: &mut dyn Requests,
    ) -> Result<CallOutcome, ShellError> {
        if self.ended {
            return Err(ShellError::Ended(words.join(" ")));
        }
        self.outputs.begin();
        self.tell_changes();
        let count = words.len().to_string();
        self.channel.tell(&["run", verb, &count]);
        self.channel.tell(words);
        let end = self.attend(requests)?;
        self.outputs.listen()?;
        self.outputs.finish();
        match end {
            End::Done(status) => self.outcome(verb, status),
            End::Exited(status) => self.exited(status),
        }
    }

    fn tell_changes(&mut self) {
        for (name, change) in self.variables.take_changes() {
            match change {
                Change::Set(text) => self.channel.tell(&["set", &name, &text]),
                Change::Export(text) => self.channel.tell(&["export", &name, &text]),
                Change::Unset => self.channel.tell(&["unset", &name]),
            }
        }
    }

    /// Shows what is printed and serves what is asked for until the command has ended.
    fn attend(&mut self, requests: &mut dyn Requests) -> Result<End, ShellError> {
        loop {
            if let Some(signal) = self.interrupt.received() {
                self.stop();
                return Err(ShellError::Interrupted(signal));
            }
            self.channel.send()?;
            self.pass_on()?;
            // What it does after it has ended is not heard.
            let exited = self.child.try_wait()?;
            while let Some(bell) = self.channel.rung()? {
                // What was printed before it rang is shown before what comes of it.
                self.outputs.listen()?;
                self.outputs.flush();
                match bell {
                    Bell::Request(id) => self.serve(id, requests)?,
                    Bell::Done(status) => return Ok(End::Done(status)),
                    // It tells why, and ends.
                    Bell::Exit(_) => {}
                }
            }
            if let Some(status) = exited {
                self.ended = true;
                return Ok(End::Exited(status));
            }
        }
    }

    /// Waits a moment, or less when there is something to see, and shows what was printed.
    fn pass_on(&mut self) -> io::Result<()> {
        let time = Timespec::try_from(GLANCE).map_err(io::Error::other)?;
        let mut wanted: Vec<_> = self.outputs.pipes().chain(self.channel.pipes()).collect();
        let quiet = match poll(&mut wanted, Some(&time)) {
            Ok(ready) => ready == 0,
            Err(rustix::io::Errno::INTR) => false,
            Err(error) => return Err(error.into()),
        };
        self.outputs.listen()?;
        if quiet {
            self.outputs.flush();
        }
        Ok(())
    }

    /// The next record of what bash tells, waiting for it.
    fn answer(&mut self) -> Result<Vec<u8>, ShellError> {
        loop {
            if let Some(record) = self.channel.answer()? {
                return Ok(record);
            }
            if self.child.try_wait()?.is_some() {
                self.ended = true;
                return Err(ShellError::Garbled("it ended in the middle of a sentence".to_owned()));
            }
            self.pass_on()?;
        }
    }

    fn serve(&mut self, id: u32, requests: &mut dyn Requests) -> Result<(), ShellError> {
        let (question, variables) = Question::read(self.channel.request(id)?)?;
        self.hide(&variables);
        let (reply, set) = match question {
            Question::Remote(script) => (requests.remote(&script), Vec::new()),
            Question::Log(text) => {
                requests.log(&text);
                (Reply::default(), Vec::new())
            }
            Question::Step { name, arguments } => {
                self.variables.replace(variables);
                (requests.step(&name, &arguments, &mut self.variables), self.set_by_step())
            }
        };
        Ok(self.channel.reply(id, &reply, &set)?)
    }

    /// What a function has found out under a name that says secret is not shown from now on.
    fn hide(&self, variables: &[Told]) {
        let secrets = variables.iter().filter(|told| Redactor::is_secret_name(&told.name));
        self.outputs.hide(secrets.filter_map(|told| match &told.value {
            Value::Text { text, .. } => Some(text.as_str()),
            Value::Kept => None,
        }));
    }

    /// What a step has set, for the function that called it.
    fn set_by_step(&mut self) -> Vec<(String, String)> {
        let changes = self.variables.take_changes().into_iter();
        let set = changes.map(|(name, change)| match change {
            Change::Set(text) | Change::Export(text) => (name, text),
            // A step does not take variables away; an empty one says the same to a config.
            Change::Unset => (name, String::new()),
        });
        set.collect()
    }

    fn outcome(&mut self, verb: &str, status: i32) -> Result<CallOutcome, ShellError> {
        let fell_through = self.answer()? == b"yes";
        let failed = self.failed_command()?;
        let output = self.answer()?;
        let mut told = Vec::new();
        while let Some(variable) = next_variable(|| self.answer())? {
            told.push(variable);
        }
        self.hide(&told);
        self.variables.replace(told);
        if verb == "load" {
            let listed = text(self.answer()?);
            self.functions = functions(&listed, self.channel.directory());
            for function in &mut self.functions {
                function.file = original(&self.copies, &function.file);
            }
        }
        let ending = if fell_through { Ending::FellThrough(status) } else { Ending::Returned(status) };
        Ok(CallOutcome { ending, failed: failed.filter(|_| status != 0), tail: self.outputs.tail(), output })
    }

    fn failed_command(&mut self) -> Result<Option<FailedCommand>, ShellError> {
        let (command, file, line) = (text(self.answer()?), text(self.answer()?), text(self.answer()?));
        let file = original(&self.copies, Path::new(&file)).display().to_string();
        Ok((!command.is_empty()).then(|| FailedCommand { command, file, line: line.parse().ok() }))
    }

    /// Bash has ended: by `exit`, which told why, or by a signal, which did not.
    fn exited(&mut self, status: ExitStatus) -> Result<CallOutcome, ShellError> {
        // A ctrl-c of the terminal reaches both of us.
        if let Some(signal) = self.interrupt.received() {
            return Err(ShellError::Interrupted(signal));
        }
        let ending = match status.code() {
            Some(code) => Ending::Exited(code),
            None => Ending::Killed(status.signal().unwrap_or_default()),
        };
        let failed = match self.channel.answer()? {
            Some(_) => self.failed_command()?,
            None => None,
        };
        Ok(CallOutcome { ending, failed, tail: self.outputs.tail(), output: Vec::new() })
    }

    /// What bash says about a file that it cannot read to the end.
    fn syntax_error(&self, file: &Path) -> io::Result<Option<String>> {
        let checked = Command::new(&self.bash).arg("-n").arg(file).stdin(Stdio::null()).output()?;
        Ok((!checked.status.success())
            .then(|| String::from_utf8_lossy(&checked.stderr).trim_end().to_owned()))
    }

    /// Ends bash and, where they can be told apart from us, what it has started.
    fn stop(&mut self) {
        self.ended = true;
        let asked = Instant::now();
        // Fails when it has ended by itself, which is what is wanted.
        let _ = self.kill(Signal::TERM);
        while asked.elapsed() < GRACE && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        // As above: most have ended when they were asked.
        let _ = self.kill(Signal::KILL);
        // It fails only for a child that was waited for, and then there is none left.
        let _ = self.child.wait();
    }

    fn kill(&self, signal: Signal) -> rustix::io::Result<()> {
        let pid = Pid::from_child(&self.child);
        if self.leads_group { kill_process_group(pid, signal) } else { kill_process(pid, signal) }
    }
}

/// The file of the project that a file stands for.
fn original(copies: &[(PathBuf, PathBuf)], file: &Path) -> PathBuf {
    let copy = copies.iter().find(|(copy, _)| copy == file);
    copy.map_or(file, |(_, original)| original).to_owned()
}

impl Drop for ShellHost {
    fn drop(&mut self) {
        if !self.ended {
            // Without commands to come bash ends by itself, and a trap of the config's may print.
            self.channel.close();
            let asked = Instant::now();
            while asked.elapsed() < GRACE && matches!(self.child.try_wait(), Ok(None)) {
                // There is nobody left to tell what fails here.
                let _ = self.pass_on();
            }
            // As above: what cannot be read any more cannot be shown.
            let _ = self.outputs.listen();
            self.outputs.finish();
            if !matches!(self.child.try_wait(), Ok(Some(_))) {
                self.stop();
            }
        }
    }
}
