//! `edeliver status`: what is on the hosts of a stage. Changes nothing, and takes no lock.

use serde_json::{Value, json};

use super::{Context, history, look};
use crate::deploy::{Claim, Holder, HostState, Target};
use crate::exit::Failure;
use crate::host::Liveness;
use crate::node::NodeState;
use crate::report::table;

/// How many deploys the table shows.
const LAST: usize = 3;

/// Asks every host of the stage, and shows a line for each.
///
/// # Errors
/// When a host cannot be asked. The others are shown all the same.
pub fn run(context: &Context) -> Result<(), Failure> {
    let claim = Claim::new(context.report.clone());
    let looked = look::at_hosts(context, |target: &mut Target| target.state(&claim))?;
    if context.report.is_read_by_programs() {
        context.report.event("status", json!({ "hosts": looked.to_json(as_json) }));
        return looked.into_failure();
    }
    let headings = ["host", "on disk", "running", "unfinished", "lock", "rollback to"].map(str::to_owned);
    let rows: Vec<[String; 6]> =
        [headings].into_iter().chain(looked.answers().map(|(host, state)| row(host, state))).collect();
    context.report.print(&table(&rows));
    let entries = looked.answers().flat_map(|(_, state)| state.history.iter());
    let deploys = history::listing(entries, LAST);
    if !deploys.is_empty() {
        context.report.print(&format!("\nLast deploys:\n{deploys}"));
    }
    looked.into_failure()
}

fn row(host: &str, state: &HostState) -> [String; 6] {
    let unfinished = state.unfinished.as_ref().map(|unfinished| {
        let next =
            if state.guarded { "the host undoes it by itself" } else { "'edeliver recover' undoes it" };
        format!("{} ({next})", unfinished.version)
    });
    let previous = state.last.as_ref().and_then(|last| last.previous.clone());
    [
        host.to_owned(),
        state.disk.clone().unwrap_or_default(),
        running(&state.node),
        unfinished.unwrap_or_default(),
        state.holder.as_ref().map(held).unwrap_or_default(),
        previous.unwrap_or_default(),
    ]
}

fn running(node: &NodeState) -> String {
    match node {
        NodeState::Stopped => "stopped".to_owned(),
        NodeState::Running { version: Some(version), .. } => version.clone(),
        NodeState::Running { pid, version: None } => format!("does not answer (process {pid})"),
    }
}

fn held(holder: &Holder) -> String {
    match holder {
        Holder::Owner(owner) => format!("{owner}: {}", liveness(holder)),
        Holder::Unknown => "held by an unknown owner".to_owned(),
    }
}

fn liveness(holder: &Holder) -> &'static str {
    match holder {
        Holder::Owner(owner) => match owner.liveness() {
            Liveness::Alive => "alive",
            Liveness::Dead => "dead",
            Liveness::Elsewhere => "elsewhere",
        },
        Holder::Unknown => "unknown",
    }
}

fn as_json(state: &HostState) -> Value {
    let node = match &state.node {
        NodeState::Stopped => json!({ "state": "stopped" }),
        NodeState::Running { pid, version: Some(version) } => {
            json!({ "state": "running", "pid": pid, "version": version })
        }
        NodeState::Running { pid, version: None } => json!({ "state": "does not answer", "pid": pid }),
    };
    let unfinished = state.unfinished.as_ref().map(
        |unfinished| json!({ "id": unfinished.id, "version": unfinished.version, "guarded": state.guarded }),
    );
    let owner = |holder: &Holder| match holder {
        Holder::Owner(owner) => Some(owner.to_string()),
        Holder::Unknown => None,
    };
    let lock =
        state.holder.as_ref().map(|holder| json!({ "owner": owner(holder), "state": liveness(holder) }));
    json!({
        "root": state.root,
        "disk": state.disk,
        "node": node,
        "unfinished": unfinished,
        "lock": lock,
        "previous": state.last.as_ref().and_then(|last| last.previous.as_ref()),
        "history": state.history,
    })
}
