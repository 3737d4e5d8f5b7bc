//! The host's side: one POSIX script with few verbs, and the lines that it answers with.

use std::time::Duration;

use crate::transport::{HostAddr, RemoteCommand, RemotePath, Session, Stdin, TransportError};

/// The script: shared parts first, the dispatch last.
const SCRIPT: &str = concat!(
    include_str!("agent/common.sh"),
    include_str!("agent/lock.sh"),
    include_str!("agent/survey.sh"),
    include_str!("agent/stage.sh"),
    include_str!("agent/switch.sh"),
    include_str!("../node/node.sh"),
    include_str!("agent/undo.sh"),
    include_str!("agent/main.sh"),
);

/// Where and how the host's side works: the same for all of its phases.
#[derive(Debug, Clone)]
pub struct Place {
    /// `DELIVER_TO`.
    pub deliver_to: RemotePath,
    /// `APP`.
    pub app: String,
    /// `PROFILE`: its variables are the node's environment.
    pub profile: RemotePath,
    /// How long a node may take to start or stop.
    pub start_timeout: Duration,
    /// How long a started node must stay up.
    pub stable_for: Duration,
}

/// One phase on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Looks, changes nothing.
    Survey,
    /// Takes the lock, then looks.
    Open,
    /// Receives the new files.
    Stage,
    /// Renames them into place.
    Switch,
    /// Stops the node that runs.
    Stop,
    /// Starts the new release and verifies it.
    Start,
    /// Puts everything back.
    Undo,
    /// Makes the deploy final.
    Commit,
    /// Gives the lock back and drops what was staged.
    Abandon,
}

impl Phase {
    fn verb(self) -> &'static str {
        match self {
            Phase::Survey => "survey",
            Phase::Open => "open",
            Phase::Stage => "stage",
            Phase::Switch => "switch",
            Phase::Stop => "stop",
            Phase::Start => "start",
            Phase::Undo => "undo",
            Phase::Commit => "commit",
            Phase::Abandon => "abandon",
        }
    }

    /// As messages name it.
    pub fn label(self) -> &'static str {
        match self {
            Phase::Survey => "looking at the host",
            Phase::Open => "locking and looking at the host",
            Phase::Stage => "sending the release",
            Phase::Switch => "switching to the new files",
            Phase::Stop => "stopping the running node",
            Phase::Start => "starting and verifying the new release",
            Phase::Undo => "rolling back",
            Phase::Commit => "committing",
            Phase::Abandon => "giving the lock back",
        }
    }

    /// The node is controlled with the environment that the user's profile sets.
    fn needs_profile(self) -> bool {
        matches!(self, Phase::Survey | Phase::Open | Phase::Switch | Phase::Stop | Phase::Start | Phase::Undo)
    }

    /// What puts things right must come to its end, whatever the user presses.
    fn interruptible(self) -> bool {
        matches!(self, Phase::Survey | Phase::Open | Phase::Stage | Phase::Switch | Phase::Stop | Phase::Start)
    }

    fn time_limit(self, place: &Place) -> Duration {
        let node = place.start_timeout * 2 + place.stable_for;
        match self {
            Phase::Stage => Duration::from_secs(6 * 3600),
            Phase::Stop | Phase::Start => node + Duration::from_secs(60),
            Phase::Undo => node * 2 + Duration::from_secs(300),
            Phase::Survey | Phase::Open | Phase::Switch | Phase::Commit | Phase::Abandon => {
                Duration::from_secs(300)
            }
        }
    }
}

/// A phase did not come to a good end.
#[derive(Debug, thiserror::Error)]
pub enum PhaseError {
    /// The link failed, so the outcome is unknown.
    #[error(transparent)]
    Link(#[from] TransportError),
    /// The host says that it failed, and why.
    #[error("{host}: {label}: {reason}{}", notes(.notes))]
    Failed {
        /// The host.
        host: HostAddr,
        /// What was tried.
        label: &'static str,
        /// Why it failed.
        reason: String,
        /// What else the host had to say.
        notes: Vec<String>,
    },
    /// The phase ended without its last line, so the outcome is unknown.
    #[error("{host}: {label}: it ended early{}", notes(.notes))]
    Unknown {
        /// The host.
        host: HostAddr,
        /// What was tried.
        label: &'static str,
        /// What the host said last.
        notes: Vec<String>,
    },
    /// The answer is not one that this version understands.
    #[error("{host}: {source}")]
    Unreadable {
        /// The host.
        host: HostAddr,
        /// What was unexpected.
        source: Unreadable,
    },
}

/// The host's answer lacks something or has something unexpected.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the host's answer: {0}")]
pub struct Unreadable(pub String);

fn notes(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

/// What a phase printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer(Vec<String>);

impl Answer {
    /// The values of all lines with this key, in order.
    pub fn facts<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(move |line| line.strip_prefix(key)?.strip_prefix(' '))
    }

    /// The value of the first line with this key.
    ///
    /// # Errors
    /// When there is no such line.
    pub fn fact<'a>(&'a self, key: &'a str) -> Result<&'a str, Unreadable> {
        self.facts(key).next().ok_or_else(|| Unreadable(format!("the line '{key}' is missing")))
    }
}

/// The command of a phase. The nonce tells its last line from anything that a profile prints.
pub fn command(place: &Place, phase: Phase, id: &str, nonce: &str, args: &[String]) -> RemoteCommand {
    let command = RemoteCommand::script(SCRIPT)
        .arg(phase.verb())
        .arg(nonce)
        .arg(&place.deliver_to)
        .arg(place.app.as_str())
        .arg(id)
        .arg(place.start_timeout.as_secs().max(1).to_string())
        .arg(place.stable_for.as_secs_f64().to_string())
        .args(args)
        .deadline(phase.time_limit(place));
    let command = if phase.needs_profile() { command.profile(&place.profile) } else { command };
    if phase.interruptible() { command } else { command.uninterruptible() }
}

/// Runs a phase on the host and reads its answer.
///
/// # Errors
/// Any [`PhaseError`]. After `Link` and `Unknown` the host must be asked what happened.
pub fn call(
    session: &mut Session,
    place: &Place,
    phase: Phase,
    id: &str,
    args: &[String],
    stdin: Stdin<'_>,
) -> Result<Answer, PhaseError> {
    let nonce = nonce();
    let output = session.output(&command(place, phase, id, &nonce, args), stdin)?;
    read_answer(session.addr(), phase, &nonce, &output.stdout, &output.stderr)
}

fn read_answer(
    host: &HostAddr,
    phase: Phase,
    nonce: &str,
    stdout: &[u8],
    stderr: &[u8],
) -> Result<Answer, PhaseError> {
    let text = String::from_utf8_lossy(stdout);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let complete = lines.last().is_some_and(|line| *line == format!("done {nonce}"));
    if !complete {
        let mut notes = crate::host::tail(stdout, 10);
        notes.extend(crate::host::tail(stderr, 10));
        return Err(PhaseError::Unknown { host: host.clone(), label: phase.label(), notes });
    }
    lines.pop();
    let failed = lines.iter().position(|line| line.starts_with("failed "));
    match failed {
        None => Ok(Answer(lines)),
        Some(index) => {
            let reason = lines.remove(index).trim_start_matches("failed ").to_owned();
            let notes = lines.split_off(lines.len().saturating_sub(10));
            Err(PhaseError::Failed { host: host.clone(), label: phase.label(), reason, notes })
        }
    }
}

/// Sixteen hexadecimal digits that nobody has used before.
pub fn nonce() -> String {
    use std::hash::{BuildHasher as _, Hasher as _};
    // Each RandomState has fresh keys from the operating system's randomness.
    format!("{:016x}", std::collections::hash_map::RandomState::new().build_hasher().finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Answer, PhaseError> {
        read_answer(&HostAddr::local(), Phase::Stage, "77", text.as_bytes(), b"")
    }

    #[test]
    fn an_answer_without_its_last_line_is_unknown() {
        assert!(matches!(read("at /x\n"), Err(PhaseError::Unknown { .. })));
        assert!(matches!(read("at /x\ndone 76\n"), Err(PhaseError::Unknown { .. })));
        assert_eq!(read("at /x\ndone 77\n").unwrap().fact("at").unwrap(), "/x");
    }

    #[test]
    fn a_failed_phase_says_why() {
        let error = read("tar: short read\nfailed cannot unpack the archive\ndone 77\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "local: sending the release: cannot unpack the archive\n  tar: short read"
        );
    }
}
