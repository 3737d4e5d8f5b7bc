//! Why a host could not take part in a deploy, or could not go on.

use anyhow::anyhow;

use crate::exit::{Exit, Failure, Signal};
use crate::host::Liveness;
use crate::host::agent::PhaseError;
use crate::transport::{HostAddr, TransportError};

/// Why a host could not take part, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A phase failed.
    #[error(transparent)]
    Phase(#[from] PhaseError),
    /// Somebody else deploys there.
    #[error("{host}: a deploy is under way there, started by {owner}")]
    Locked {
        /// The host.
        host: HostAddr,
        /// Who holds the lock.
        owner: String,
        /// What is known of it here.
        liveness: Liveness,
    },
    /// It does not fulfil what a deploy needs.
    #[error("{host} is not fit for the deploy:{}", .problems.iter().map(|problem| format!("\n  {problem}")).collect::<String>())]
    Preflight {
        /// The host.
        host: HostAddr,
        /// All that speaks against it.
        problems: Vec<String>,
    },
    /// A function of the config was to work elsewhere.
    #[error("{host}: the release in its place was changed{}", .changes.iter().take(10).map(|change| format!("\n  {change}")).collect::<String>())]
    InPlace {
        /// The host.
        host: HostAddr,
        /// A line for each path.
        changes: Vec<String>,
    },
    /// What functions of the config have made is not what is deployed.
    #[error("{host}: the functions of the config have not made release {version}: {reason}")]
    Made {
        /// The host.
        host: HostAddr,
        /// What was to be made.
        version: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What a dead deployer has left could not be undone.
    #[error("what is unfinished could not be undone: {0}")]
    Unrecovered(PhaseError),
    /// Another host has failed, so that this one was not sent all.
    #[error("{0} was not sent all, since another host has failed")]
    CalledOff(HostAddr),
    /// The archive cannot be read here.
    #[error("cannot read the archive: {0}")]
    Archive(#[from] std::io::Error),
}

impl From<TransportError> for TargetError {
    fn from(error: TransportError) -> Self {
        TargetError::Phase(PhaseError::Link(error))
    }
}

impl TargetError {
    /// The failures of several hosts as one; none when there are none.
    pub fn failure(errors: &[TargetError]) -> Option<Failure> {
        (!errors.is_empty()).then(|| combine(errors))
    }
}

/// The command was asked to stop.
pub(super) fn interrupted(signal: Signal) -> Failure {
    Failure { exit: Exit::Interrupted(signal), error: anyhow!("interrupted"), hints: Vec::new() }
}

/// The failures of all hosts as one.
pub(super) fn combine(failures: &[TargetError]) -> Failure {
    let interrupted_by = failures.iter().find_map(|failure| match failure {
        TargetError::Phase(PhaseError::Link(TransportError::Interrupted(signal))) => Some(*signal),
        _ => None,
    });
    if let Some(signal) = interrupted_by {
        return interrupted(signal);
    }
    // Those that were called off have no reason of their own.
    let reasons = failures.iter().filter(|failure| !matches!(failure, TargetError::CalledOff(_)));
    let lines: Vec<String> = reasons.map(ToString::to_string).collect();
    let mut failure = Failure::failed(anyhow!(lines.join("\n")));
    let any = |is: fn(&TargetError) -> bool| failures.iter().any(is);
    if any(|failure| matches!(failure, TargetError::Unrecovered(_))) {
        failure.exit = Exit::Unrestored;
        failure = failure.hint("When the cause is gone, 'edeliver recover' undoes what is unfinished there.");
    }
    if any(|failure| matches!(failure, TargetError::Locked { liveness: Liveness::Elsewhere, .. })) {
        failure = failure.hint("If that deployer is gone for sure, --force-unlock takes its lock.");
    }
    failure
}
