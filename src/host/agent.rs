//! The host's side of a phase: a POSIX script with verbs, and the lines that it answers with.

use std::time::Duration;

use super::Lines;
use crate::transport::{HostAddr, RemoteCommand, RemotePath, Session, Stdin, Stream, TransportError};

/// What every script of the host's side begins with.
pub const COMMON: &str = include_str!("agent/common.sh");

/// Runs a script that the host has kept.
const KEPT: &str = include_str!("agent/kept.sh");

/// What the host says when it has not.
const NOT_KEPT: &str = "it is not kept any more";

/// How a line begins that says how far a phase has come, and is no part of its answer.
const PROGRESS: &str = "progress ";

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
    /// How long a host waits for a client that it does not hear of before it goes back on its own.
    pub lease: Duration,
    /// How long migrations may take.
    pub migrate_timeout: Duration,
    /// Settings that the host's side finds in its environment, by the names there.
    pub environment: Vec<(String, String)>,
}

/// One phase: what the host's side is asked to do.
#[derive(Debug, Clone)]
pub struct Request {
    /// [`COMMON`] and the room's own parts.
    pub script: &'static str,
    /// The file in which the host has kept exactly this script. It is sent where there is none.
    pub kept: Option<String>,
    /// Which part of it.
    pub verb: &'static str,
    /// As messages name it.
    pub label: &'static str,
    /// The deploy that it belongs to, or "-".
    pub id: String,
    /// What the verb needs.
    pub args: Vec<String>,
    /// The node is controlled with the environment that the user's profile sets.
    pub profile: bool,
    /// Whether ctrl-c may cut it short. What puts things right must come to its end.
    pub interruptible: bool,
    /// How long it may take.
    pub time_limit: Duration,
}

/// A phase did not come to a good end.
#[derive(Debug, thiserror::Error)]
pub enum PhaseError {
    /// The link failed, so the outcome is unknown.
    #[error(transparent)]
    Link(#[from] TransportError),
    /// The host says that it failed, and why.
    #[error("{host}: {label}: {reason}{}", indented(.notes))]
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
    #[error("{host}: {label}: it ended early{}", indented(.notes))]
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
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the host's answer: {0}")]
pub struct Unreadable(pub String);

fn indented(lines: &[String]) -> String {
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

    /// Whether this line is among them.
    pub fn has(&self, line: &str) -> bool {
        self.0.iter().any(|each| each == line)
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
pub fn command(place: &Place, request: &Request, nonce: &str) -> RemoteCommand {
    let script = match &request.kept {
        Some(file) => RemoteCommand::script(KEPT).arg(file),
        None => RemoteCommand::script(request.script).knowing_itself(),
    };
    let command = script
        .arg(request.verb)
        .arg(nonce)
        .arg(&place.deliver_to)
        .arg(place.app.as_str())
        .arg(request.id.as_str())
        .arg(place.start_timeout.as_secs().max(1).to_string())
        .arg(place.stable_for.as_secs_f64().to_string())
        .args(&request.args)
        .env("EDELIVER_MIGRATE_TIMEOUT", place.migrate_timeout.as_secs().max(1).to_string())
        .envs(place.environment.iter().map(|(name, value)| (name, value)))
        .deadline(request.time_limit);
    let command = if request.profile { command.profile_environment(&place.profile) } else { command };
    if request.interruptible { command } else { command.uninterruptible() }
}

/// Runs a phase on the host and reads its answer.
///
/// # Errors
/// Any [`PhaseError`]. After `Link` and `Unknown` the host must be asked what happened.
pub fn call(
    session: &mut Session,
    place: &Place,
    request: &Request,
    stdin: Stdin<'_>,
) -> Result<Answer, PhaseError> {
    call_as(session, place, request, &nonce(), stdin)
}

/// The same with a nonce of the caller's, for a phase that is asked about several times.
///
/// # Errors
/// As [`call`].
pub fn call_as(
    session: &mut Session,
    place: &Place,
    request: &Request,
    nonce: &str,
    stdin: Stdin<'_>,
) -> Result<Answer, PhaseError> {
    call_watched(session, place, request, nonce, stdin, &mut |_| {})
}

/// The same; how far the phase has come is handed to `progress` as soon as it says so.
///
/// # Errors
/// As [`call`].
pub fn call_watched(
    session: &mut Session,
    place: &Place,
    request: &Request,
    nonce: &str,
    stdin: Stdin<'_>,
    progress: &mut dyn FnMut(&str),
) -> Result<Answer, PhaseError> {
    let (mut stdout, mut stderr, mut lines) = (Vec::new(), Vec::new(), Lines::default());
    let mut watch = |line: &str| {
        if let Some(text) = line.strip_prefix(PROGRESS) {
            progress(text);
        }
    };
    session.exec(&command(place, request, nonce), stdin, &mut |stream, bytes| match stream {
        Stream::Stdout => {
            lines.take(bytes, &mut watch);
            stdout.extend_from_slice(bytes);
        }
        Stream::Stderr => stderr.extend_from_slice(bytes),
    })?;
    read_answer(session.addr(), request.label, nonce, &stdout, &stderr)
}

impl PhaseError {
    /// Whether nothing was done, as the host does not keep the script any more.
    pub fn is_for_lack_of_script(&self) -> bool {
        matches!(self, PhaseError::Unknown { notes, .. } if notes.iter().any(|note| note == NOT_KEPT))
    }
}

fn read_answer(
    host: &HostAddr,
    label: &'static str,
    nonce: &str,
    stdout: &[u8],
    stderr: &[u8],
) -> Result<Answer, PhaseError> {
    let text = String::from_utf8_lossy(stdout);
    let mut lines: Vec<String> =
        text.lines().filter(|line| !line.starts_with(PROGRESS)).map(str::to_owned).collect();
    let complete = lines.last().is_some_and(|line| *line == format!("done {nonce}"));
    if !complete {
        let mut notes = super::tail(stdout, 10);
        notes.extend(super::tail(stderr, 10));
        return Err(PhaseError::Unknown { host: host.clone(), label, notes });
    }
    lines.pop();
    let failed = lines.iter().position(|line| line.starts_with("failed "));
    match failed {
        None => Ok(Answer(lines)),
        Some(index) => {
            let reason = lines.remove(index).trim_start_matches("failed ").to_owned();
            let notes = lines.split_off(lines.len().saturating_sub(10));
            Err(PhaseError::Failed { host: host.clone(), label, reason, notes })
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
        read_answer(&HostAddr::local(), "sending the release", "77", text.as_bytes(), b"")
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
