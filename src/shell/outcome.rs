//! How a function of the user's ended.

use std::fmt;

/// What running a function gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallOutcome {
    /// How it ended.
    pub ending: Ending,
    /// The command that failed last, where bash could tell.
    pub failed: Option<FailedCommand>,
    /// The last lines that it printed.
    pub tail: Vec<String>,
    /// What it printed, when its value was asked for.
    pub output: Vec<u8>,
}

/// How a function ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It returned this status.
    Returned(i32),
    /// It returned this status because the last thing it ran was a bare test, as in
    /// `[ -f x ] && cmd` when there is no x. No failure (DESIGN.md, "Strict").
    FellThrough(i32),
    /// It ended the shell with `exit`, as `error` and a failed `__sync_remote` do.
    Exited(i32),
    /// A signal ended the shell.
    Killed(i32),
}

/// A command of a config that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedCommand {
    /// Its text, as bash shows it.
    pub command: String,
    /// The file; empty where unknown.
    pub file: String,
    /// The line, counted from 1.
    pub line: Option<usize>,
}

impl Ending {
    /// Whether it counts as a success.
    pub fn is_fine(self) -> bool {
        matches!(self, Ending::Returned(0) | Ending::FellThrough(_))
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Returned(status) | Ending::FellThrough(status) => write!(f, "returned status {status}"),
            Ending::Exited(status) => write!(f, "ended with exit status {status}"),
            Ending::Killed(signal) => write!(f, "was killed by signal {signal}"),
        }
    }
}

impl fmt::Display for FailedCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.command)?;
        match (self.file.as_str(), self.line) {
            ("", _) | (_, None) => Ok(()),
            (file, Some(line)) => write!(f, " at {file}:{line}"),
        }
    }
}
