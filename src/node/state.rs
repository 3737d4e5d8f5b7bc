//! Whether a node runs, and what.

use crate::host::agent::Unreadable;

/// Whether the node runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeState {
    /// No process of it.
    Stopped,
    /// Its process, and the version that it answers with (none when it does not answer).
    Running {
        /// The operating system's process id.
        pid: u32,
        /// The version that runs.
        version: Option<String>,
    },
}

impl NodeState {
    /// As the journal and the host's side write it.
    pub fn to_words(&self) -> String {
        match self {
            NodeState::Stopped => "stopped".to_owned(),
            NodeState::Running { pid, version } => {
                format!("running {pid} {}", version.as_deref().unwrap_or("unknown"))
            }
        }
    }

    /// Reads what [`NodeState::to_words`] writes.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let unreadable = || Unreadable(format!("node {text}"));
        match text.split_whitespace().collect::<Vec<_>>()[..] {
            ["stopped"] => Ok(NodeState::Stopped),
            ["running", pid, version] => Ok(NodeState::Running {
                pid: pid.parse().map_err(|_| unreadable())?,
                version: (version != "unknown").then(|| version.to_owned()),
            }),
            _ => Err(unreadable()),
        }
    }
}
