//! One node command on one node.

use std::time::Duration;

use super::migration::Migration;
use crate::host::agent::{self, PhaseError, Place, Request};
use crate::transport::{Session, Stdin};

const SCRIPT: &str = concat!(
    include_str!("../host/agent/common.sh"),
    include_str!("node.sh"),
    include_str!("container.sh"),
    include_str!("verify.sh"),
    include_str!("migrate.sh"),
    include_str!("migrate_erlang.sh"),
    include_str!("command.sh"),
);

/// How long a question to a node may take.
const QUESTION: Duration = Duration::from_secs(90);

/// What a node is told or asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeAction {
    /// Does it answer?
    Ping,
    /// Which version runs?
    Version,
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Stop it if it runs, and start what is deployed.
    Restart,
    /// Migrate its database.
    Migrate(Migration),
    /// Which migrations have not run?
    Migrations,
}

impl NodeAction {
    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            NodeAction::Ping => "ping",
            NodeAction::Version => "version",
            NodeAction::Start => "start",
            NodeAction::Stop => "stop",
            NodeAction::Restart => "restart",
            NodeAction::Migrate(_) => "migrate",
            NodeAction::Migrations => "migrations",
        }
    }

    /// How long it may take on a host.
    fn time_limit(self, place: &Place) -> Duration {
        match self {
            NodeAction::Ping | NodeAction::Version => QUESTION,
            NodeAction::Start | NodeAction::Stop | NodeAction::Restart => time_limit(place) * 2,
            // Before and after it, it is asked what is pending.
            NodeAction::Migrate(_) | NodeAction::Migrations => place.migrate_timeout + QUESTION * 2,
        }
    }
}

/// How long stopping or starting a node may take in all before the host is given up.
pub fn time_limit(place: &Place) -> Duration {
    place.start_timeout * 2 + place.stable_for + Duration::from_secs(60)
}

/// Tells or asks the node, and returns what was seen. `start_argument` goes to the start script. What
/// has started meanwhile is handed to `progress`.
///
/// # Errors
/// When the node is not as the action wants it: not deployed, not running, not responding, refusing
/// us, already running; or when it does not start or stop in its time, or does not migrate.
pub fn command(
    session: &mut Session,
    place: &Place,
    action: NodeAction,
    start_argument: Option<&str>,
    progress: &mut dyn FnMut(&str),
) -> Result<String, PhaseError> {
    let args = match action {
        NodeAction::Migrate(migration) => migration.to_words().to_vec(),
        _ => vec![start_argument.unwrap_or_default().to_owned()],
    };
    let request = Request {
        script: SCRIPT,
        kept: None,
        verb: action.as_str(),
        label: action.as_str(),
        id: "-".to_owned(),
        args,
        profile: true,
        interruptible: true,
        time_limit: action.time_limit(place),
    };
    let answer = agent::call_watched(session, place, &request, &agent::nonce(), Stdin::Empty, progress)?;
    // Of several lines each is one of the response.
    match answer.fact("response") {
        Ok(_) => Ok(answer.facts("response").collect::<Vec<_>>().join("\n")),
        Err(source) => Err(PhaseError::Unreadable { host: session.addr().clone(), source }),
    }
}
