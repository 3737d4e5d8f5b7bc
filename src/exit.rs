//! How a command ends: the error that a person reads and the exit status that a script reads.

use std::fmt;

/// The exit status of `edeliver`. There are no others (`DESIGN.md`, "Exit status").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All of it worked, and was seen to work on the host.
    Success,
    /// It failed, and every host is as it was before, or was never touched.
    Failed,
    /// A usage or configuration error: nothing was touched.
    Usage,
    /// It failed, and at least one host could not be restored, or its state is unknown.
    Unrestored,
    /// Interrupted by a signal, and rolled back.
    Interrupted(Signal),
}

/// The signals that end a command in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-c.
    Interrupt,
    /// `kill`, or the terminal that went away.
    Terminate,
}

impl Exit {
    /// Every exit status with its meaning, as the help and the README show it.
    pub const TABLE: &[(Exit, &str)] = &[
        (Exit::Success, "all of it worked, and was seen to work on the hosts"),
        (Exit::Failed, "it failed, and every host is as it was before (or was never touched)"),
        (Exit::Usage, "wrong usage or configuration; nothing was touched"),
        (
            Exit::Unrestored,
            "it failed, and a host could not be restored or its state is unknown; the message says which, and how to finish",
        ),
        (Exit::Interrupted(Signal::Interrupt), "interrupted with ctrl-c, and rolled back"),
        (Exit::Interrupted(Signal::Terminate), "ended by SIGTERM or SIGHUP, and rolled back"),
    ];

    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Unrestored => 3,
            Exit::Interrupted(Signal::Interrupt) => 130,
            Exit::Interrupted(Signal::Terminate) => 143,
        }
    }
}

/// Why a command ended without success: the status for scripts, and for people the error (with its
/// context chain) and the hints that say what to do next.
#[derive(Debug)]
pub struct Failure {
    /// Decides the exit status.
    pub exit: Exit,
    /// What went wrong, outermost context first.
    pub error: anyhow::Error,
    /// What to do next, one line each.
    pub hints: Vec<String>,
}

impl Failure {
    /// Wrong usage or configuration: exit status 2.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Usage, error: error.into(), hints: Vec::new() }
    }

    /// It failed and nothing is left behind: exit status 1.
    pub fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Failed, error: error.into(), hints: Vec::new() }
    }

    /// Adds a line that says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same in other words: what must not be shown is taken out of every text.
    #[must_use]
    pub fn reworded(self, reword: impl Fn(&str) -> String) -> Self {
        let texts: Vec<String> = self.error.chain().map(ToString::to_string).collect();
        let mut causes = texts.iter().rev().map(|text| reword(text));
        let innermost = anyhow::Error::msg(causes.next().unwrap_or_default());
        let error = causes.fold(innermost, anyhow::Error::context);
        Self { exit: self.exit, error, hints: self.hints.iter().map(|hint| reword(hint)).collect() }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::failed(error)
    }
}

/// Makes an error one of usage or configuration.
pub trait OrUsage<T> {
    /// The value, or a [`Failure`] with exit status 2.
    ///
    /// # Errors
    /// The error that there was.
    fn or_usage(self) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrUsage<T> for Result<T, E> {
    fn or_usage(self) -> Result<T, Failure> {
        self.map_err(Failure::usage)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}
