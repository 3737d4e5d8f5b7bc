//! How a command on a host ended.

use std::fmt;

/// How a command on a host ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitStatus {
    /// It exited with this status.
    Code(i32),
    /// A signal ended it.
    Signal(String),
}

/// The signals whose numbers are the same on every system, as POSIX names them.
const SIGNALS: [(i32, &str); 10] = [
    (1, "HUP"),
    (2, "INT"),
    (3, "QUIT"),
    (4, "ILL"),
    (6, "ABRT"),
    (8, "FPE"),
    (9, "KILL"),
    (11, "SEGV"),
    (13, "PIPE"),
    (15, "TERM"),
];

impl ExitStatus {
    /// Whether it exited with status 0.
    pub fn success(&self) -> bool {
        *self == ExitStatus::Code(0)
    }

    /// What a shell's `$?` says: there a signal is 128 plus its number.
    pub(super) fn from_shell(status: i32) -> Self {
        Self::from_signal(status - 128).unwrap_or(ExitStatus::Code(status))
    }

    /// The signal with this number, where that number means the same everywhere.
    pub(super) fn from_signal(number: i32) -> Option<Self> {
        let (_, name) = SIGNALS.iter().find(|(known, _)| *known == number)?;
        Some(ExitStatus::Signal((*name).to_owned()))
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitStatus::Code(code) => write!(f, "exit status {code}"),
            ExitStatus::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ExitStatus::{self, Code, Signal};

    #[test]
    fn reads_what_a_shell_says() {
        for (status, expected) in [
            (0, Code(0)),
            (1, Code(1)),
            (127, Code(127)),
            (128, Code(128)),
            (137, Signal("KILL".to_owned())),
            (143, Signal("TERM".to_owned())),
            (255, Code(255)),
        ] {
            assert_eq!(ExitStatus::from_shell(status), expected);
        }
    }
}
