//! One node command on one node.

use std::time::Duration;

use crate::host::agent::{self, PhaseError, Place, Request};
use crate::transport::{Session, Stdin};

const SCRIPT: &str =
    concat!(include_str!("../host/agent/common.sh"), include_str!("node.sh"), include_str!("command.sh"),);

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
        }
    }
}

/// How long stopping or starting a node may take in all before the host is given up.
pub fn time_limit(place: &Place) -> Duration {
    place.start_timeout * 2 + place.stable_for + Duration::from_secs(60)
}

/// Tells or asks the node, and returns what was seen. `start_argument` goes to the start script.
///
/// # Errors
/// When the node is not as the action wants it: not deployed, not running, not responding, already
/// running; or when it does not start or stop in its time.
pub fn command(
    session: &mut Session,
    place: &Place,
    action: NodeAction,
    start_argument: Option<&str>,
) -> Result<String, PhaseError> {
    let limit = match action {
        NodeAction::Ping | NodeAction::Version => Duration::from_secs(90),
        NodeAction::Start | NodeAction::Stop | NodeAction::Restart => time_limit(place) * 2,
    };
    let request = Request {
        script: SCRIPT,
        verb: action.as_str(),
        label: action.as_str(),
        id: "-".to_owned(),
        args: vec![start_argument.unwrap_or_default().to_owned()],
        profile: true,
        interruptible: true,
        time_limit: limit,
    };
    let answer = agent::call(session, place, &request, Stdin::Empty)?;
    let response = answer.fact("response").map(str::to_owned);
    response.map_err(|source| PhaseError::Unreadable { host: session.addr().clone(), source })
}
