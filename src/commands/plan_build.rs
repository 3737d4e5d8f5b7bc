//! `--plan` of commands that build first: what would be built, and what is on the hosts now. What would
//! change there is known when the release is; `deploy release --plan` and `deploy upgrade --plan` say it.

use serde_json::json;

use super::build_release::{BuildContext, Source};
use super::{Context, look};
use crate::deploy::{Claim, HostState, Target};
use crate::exit::Failure;
use crate::node::NodeState;
use crate::report::table;

/// Shows it. Changes nothing, and takes no lock.
///
/// # Errors
/// When a host cannot be asked.
pub fn run(context: &Context, build: &BuildContext<'_>, source: &Source) -> Result<(), Failure> {
    let claim = Claim::new(context.report.clone());
    let looked = look::at_hosts(context, |target: &mut Target| target.state(&claim))?;
    let host = build.settings.host.to_string();
    if context.report.is_read_by_programs() {
        let hosts = looked.to_json(|state| json!({ "disk": state.disk, "node": running(state) }));
        let plan = json!({
            "build": { "host": host, "branch": source.refspec, "revision": source.revision },
            "hosts": hosts,
        });
        context.report.event("plan", plan);
    } else {
        let (revision, refspec) = (&source.revision, &source.refspec);
        context.report.print(&format!("Revision {revision} of {refspec} would be built on {host}, for:\n"));
        let headings = ["host", "on disk", "runs"].map(str::to_owned);
        let row = |(host, state): (&str, &HostState)| {
            [host.to_owned(), state.disk.clone().unwrap_or_default(), running(state)]
        };
        context
            .report
            .print(&table(&[headings].into_iter().chain(looked.answers().map(row)).collect::<Vec<_>>()));
    }
    looked.into_failure()
}

fn running(state: &HostState) -> String {
    match &state.node {
        NodeState::Stopped => "stopped".to_owned(),
        NodeState::Running { version: Some(version), .. } => version.clone(),
        NodeState::Running { version: None, .. } => "does not answer".to_owned(),
    }
}
