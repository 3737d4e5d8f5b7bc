//! The phases of a deploy on a host, and what each of them is allowed.

use std::time::Duration;

use crate::host::agent::{Place, Request};
use crate::node;

/// The host's side: shared parts first, the dispatch last.
const SCRIPT: &str = concat!(
    include_str!("../host/agent/common.sh"),
    include_str!("agent/lock.sh"),
    include_str!("agent/survey.sh"),
    include_str!("agent/stage.sh"),
    include_str!("agent/switch.sh"),
    include_str!("../node/node.sh"),
    include_str!("agent/undo.sh"),
    include_str!("agent/main.sh"),
);

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
        matches!(
            self,
            Phase::Survey | Phase::Open | Phase::Stage | Phase::Switch | Phase::Stop | Phase::Start
        )
    }

    fn time_limit(self, place: &Place) -> Duration {
        let node = node::time_limit(place);
        match self {
            Phase::Stage => Duration::from_secs(6 * 3600),
            Phase::Stop | Phase::Start => node,
            Phase::Undo => node * 2 + Duration::from_secs(300),
            Phase::Survey | Phase::Open | Phase::Switch | Phase::Commit | Phase::Abandon => {
                Duration::from_secs(300)
            }
        }
    }

    /// What the host's side is asked in this phase of the deploy `id`.
    pub fn request(self, place: &Place, id: &str, args: Vec<String>) -> Request {
        Request {
            script: SCRIPT,
            verb: self.verb(),
            label: self.label(),
            id: id.to_owned(),
            args,
            profile: self.needs_profile(),
            interruptible: self.interruptible(),
            time_limit: self.time_limit(place),
        }
    }
}
