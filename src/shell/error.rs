//! What can go wrong between us and the user's bash.

use camino::Utf8PathBuf;

use crate::exit::Signal;

/// The user's bash could not be used, or ended before it had answered.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// There is none.
    #[error("{needed_by} needs bash, and there is no `{bash}` in PATH; install bash, or set BASH_CMD to one")]
    NoBash {
        /// What was looked for.
        bash: String,
        /// The function or line that needs it, with its place.
        needed_by: String,
    },
    /// It could not be started, or not be talked to.
    #[error("cannot talk to bash: {0}")]
    Io(#[from] std::io::Error),
    /// It is no bash of ours any more: a function ended it earlier.
    #[error("bash has ended, so that {0} cannot run")]
    Ended(String),
    /// A file is no program for bash.
    #[error("{file} is not valid bash:\n{message}")]
    Syntax {
        /// The file.
        file: Utf8PathBuf,
        /// What bash says about it, with the line.
        message: String,
    },
    /// A file ended the shell while it was read.
    #[error("{file} ended bash with status {status} while it was read{}; a config must not call `exit`", place(.failed))]
    Exited {
        /// The file.
        file: Utf8PathBuf,
        /// The status, as a shell sees it.
        status: i32,
        /// The command that failed, with its line, where bash could tell.
        failed: Option<String>,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted(Signal),
    /// What came over the conversation is not what the prelude sends.
    #[error("bash answered something that cannot be understood: {0}")]
    Garbled(String),
}

fn place(failed: &Option<String>) -> String {
    failed.as_ref().map(|failed| format!(" ({failed})")).unwrap_or_default()
}
