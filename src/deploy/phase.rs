//! The phases of a deploy on a host, and what each of them is allowed.

use std::sync::LazyLock;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::host::agent::{Place, Request};
use crate::node;

/// The host's side: shared parts first, the dispatch last.
pub const SCRIPT: &str = concat!(
    include_str!("../host/agent/common.sh"),
    include_str!("agent/lock.sh"),
    include_str!("agent/guard.sh"),
    include_str!("agent/survey.sh"),
    include_str!("agent/state.sh"),
    include_str!("agent/stage.sh"),
    include_str!("agent/replica.sh"),
    include_str!("agent/switch.sh"),
    include_str!("agent/prune.sh"),
    include_str!("../node/node.sh"),
    include_str!("../node/container.sh"),
    include_str!("../node/verify.sh"),
    include_str!("../node/migrate.sh"),
    include_str!("../node/migrate_erlang.sh"),
    include_str!("agent/migrations.sh"),
    include_str!("agent/upgrade.sh"),
    include_str!("agent/undo.sh"),
    include_str!("agent/main.sh"),
);

/// The name by which the host keeps [`SCRIPT`]: hexadecimal digits that no other version of it has.
pub static SCRIPT_NAME: LazyLock<String> =
    LazyLock::new(|| Sha256::digest(SCRIPT).iter().take(8).map(|byte| format!("{byte:02x}")).collect());

/// One phase on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Looks, changes nothing.
    Survey,
    /// Says what is known of its deploys.
    State,
    /// Says what was deployed when.
    History,
    /// Says what all that a deploy manages amounts to.
    Fingerprint,
    /// Which migrations have run? Changes nothing.
    Applied,
    /// Takes the lock, then looks.
    Open,
    /// Receives the new files.
    Stage,
    /// Removes what the config has brought for nothing.
    Forget,
    /// Makes a replica of DELIVER_TO, for functions of the config to work in.
    Replicate,
    /// Lists what the release in its place consists of.
    Release,
    /// Stages what functions of the config have made in the replica.
    TakeReplica,
    /// Makes ready what the last deploy has put aside.
    Previous,
    /// Renames them into place.
    Switch,
    /// Stops the node that runs, and goes on to the start.
    Restart,
    /// Starts the new release and verifies it.
    Start,
    /// Has the running node take the new release.
    Install,
    /// What was installed is what the node boots next.
    Permanent,
    /// Somebody else is going to start the new release.
    Announce,
    /// Verifies the new release that somebody else has started.
    Verify,
    /// Migrates the database with the new release.
    Migrate,
    /// Leaves the host as it is: nothing on it undoes the deploy by itself any more.
    Hold,
    /// Puts everything back.
    Undo,
    /// Makes the deploy final.
    Commit,
    /// Removes old releases.
    Prune,
    /// Gives the lock back and drops what was staged.
    Abandon,
    /// Runs another phase, apart from this connection, under the guard.
    Run,
    /// Waits for the phase that runs.
    Wait,
    /// Says that we are still there.
    Renew,
    /// The same, and has the host say that it has not gone back meanwhile.
    Confirm,
}

impl Phase {
    /// The word that the host's side knows it by.
    pub fn verb(self) -> &'static str {
        match self {
            Phase::Survey => "survey",
            Phase::State => "state",
            Phase::History => "history",
            Phase::Fingerprint => "fingerprint",
            Phase::Applied => "applied",
            Phase::Open => "open",
            Phase::Stage => "stage",
            Phase::Forget => "forget",
            Phase::Replicate => "replicate",
            Phase::Release => "release",
            Phase::TakeReplica => "take_replica",
            Phase::Previous => "previous",
            Phase::Switch => "switch",
            Phase::Restart => "stop",
            Phase::Start => "start",
            Phase::Install => "install",
            Phase::Permanent => "permanent",
            Phase::Announce => "announce",
            Phase::Verify => "verify",
            Phase::Migrate => "migrate",
            Phase::Hold => "hold",
            Phase::Undo => "undo",
            Phase::Commit => "commit",
            Phase::Prune => "prune",
            Phase::Abandon => "abandon",
            Phase::Run => "run",
            Phase::Wait => "wait",
            Phase::Renew => "renew",
            Phase::Confirm => "confirm",
        }
    }

    /// As `docs/events.md` names it. On the host a restart begins as a stop.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Restart => "restart",
            other => other.verb(),
        }
    }

    /// As messages name it.
    pub fn label(self) -> &'static str {
        match self {
            Phase::Survey => "looking at the host",
            Phase::State => "looking at its deploys",
            Phase::History => "reading its history",
            Phase::Fingerprint => "adding up the release",
            Phase::Applied => "asking which migrations ran",
            Phase::Open => "locking and looking at the host",
            Phase::Stage => "sending the release",
            Phase::Forget => "removing the archive",
            Phase::Replicate => "copying the release for the functions of the config",
            Phase::Release => "looking at the release in its place",
            Phase::TakeReplica => "staging what the functions of the config have made",
            Phase::Previous => "looking for the previous release",
            Phase::Switch => "switching to the new files",
            Phase::Restart | Phase::Start => "starting and verifying the new release",
            Phase::Install => "upgrading the running node and verifying it",
            Phase::Permanent => "making the upgrade permanent",
            Phase::Announce => "preparing for the start",
            Phase::Verify => "verifying the new release",
            Phase::Migrate => "migrating the database",
            Phase::Hold => "leaving the host as it is",
            Phase::Undo => "rolling back",
            Phase::Commit => "committing",
            Phase::Prune => "removing old releases",
            Phase::Abandon => "giving the lock back",
            Phase::Run | Phase::Wait | Phase::Renew => "waiting for the host",
            Phase::Confirm => "preparing to commit",
        }
    }

    /// What puts things right must come to its end, whatever the user presses.
    pub fn interruptible(self) -> bool {
        !matches!(
            self,
            Phase::Forget
                | Phase::Release
                | Phase::Hold
                | Phase::Undo
                | Phase::Commit
                | Phase::Prune
                | Phase::Abandon
                | Phase::Renew
        )
    }

    /// How long it may take in all.
    pub fn time_limit(self, place: &Place) -> Duration {
        let node = node::time_limit(place);
        match self {
            Phase::Stage | Phase::Replicate | Phase::TakeReplica => Duration::from_secs(6 * 3600),
            Phase::Start | Phase::Install | Phase::Permanent | Phase::Announce | Phase::Verify => node,
            Phase::Restart => node * 2,
            Phase::Migrate => node + place.migrate_timeout,
            // It may have to undo migrations.
            Phase::Undo => node * 2 + place.migrate_timeout + Duration::from_secs(300),
            Phase::Survey
            | Phase::Fingerprint
            | Phase::Applied
            | Phase::Open
            | Phase::Forget
            | Phase::Release
            | Phase::Previous
            | Phase::Switch
            | Phase::Commit
            | Phase::Prune
            | Phase::Abandon => Duration::from_secs(300),
            Phase::State | Phase::History => Duration::from_secs(150),
            Phase::Hold | Phase::Run | Phase::Wait | Phase::Renew | Phase::Confirm => Duration::from_secs(60),
        }
    }

    /// What the host's side is asked in this phase of the deploy `id`.
    pub fn request(self, place: &Place, id: &str, args: Vec<String>) -> Request {
        Request {
            script: SCRIPT,
            kept: None,
            verb: self.verb(),
            label: self.label(),
            id: id.to_owned(),
            args,
            // The node is controlled with the environment that the user's profile sets.
            profile: matches!(
                self,
                Phase::Survey | Phase::State | Phase::Applied | Phase::Open | Phase::Run | Phase::Prune
            ),
            interruptible: self.interruptible(),
            time_limit: self.time_limit(place),
        }
    }
}
