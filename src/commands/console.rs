//! `edeliver remote_console`: the console of one node, on the user's terminal.

use anyhow::anyhow;

use super::{Context, node};
use crate::exit::{Failure, OrUsage};
use crate::node::{NodeAction, console};
use crate::transport::{Session, TransportError};

/// Opens the console of the environment's only node, or of the one on `--host=`.
///
/// # Errors
/// When there are several, or it does not run, answer, or end well.
pub fn run(context: &Context, environment: &str) -> Result<(), Failure> {
    if context.report.is_read_by_programs() {
        return Err(Failure::usage(anyhow!("a console is for people: '--json' has no place in it")));
    }
    let nodes = context.settings.nodes(environment).or_usage()?;
    let [node] = nodes.as_slice() else {
        let hosts: Vec<String> = nodes.iter().map(|node| node.host.to_string()).collect();
        let error = anyhow!("{environment} has {} nodes: {}", nodes.len(), hosts.join(", "));
        return Err(Failure::usage(error).hint("--host=HOST chooses the one whose console is opened."));
    };
    let options = context.connect_options(false)?;
    let mut session = Session::connect(&node.host, &options)?;
    let place = context.place(&node.path)?;
    // What keeps a console from opening is said best before the terminal is given away.
    crate::node::command(&mut session, &place, NodeAction::Ping, None, &mut |_| {})
        .map_err(node::failure_of)?;
    context.report.status(&format!("Opening the console of {environment} on {}", node.host));
    match console(&mut session, &options, &place) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(anyhow!("{}: the console ended with {status}", node.host).into()),
        Err(TransportError::Interrupted(signal)) => Err(node::interrupted(signal)),
        Err(error) => Err(error.into()),
    }
}
