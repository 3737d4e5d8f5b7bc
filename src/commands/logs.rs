//! `edeliver logs [-f]`: the logs of all nodes of an environment at once.

use anyhow::anyhow;

use super::{Context, node};
use crate::exit::{Failure, OrUsage, Signal};
use crate::host::each;
use crate::node::LogRange;
use crate::settings::NodeSettings;
use crate::transport::Session;

/// Shows the logs, each line behind the host that it comes from.
///
/// # Errors
/// When a node has none, or cannot be reached. The others are shown all the same.
pub fn run(context: &Context, environment: &str, range: LogRange) -> Result<(), Failure> {
    let nodes = context.settings.nodes(environment).or_usage()?;
    let width = nodes.iter().map(|node| node.host.host().len()).max().unwrap_or_default();
    let outcomes = each(&nodes, |node| {
        let outcome = show(context, node, range, width);
        if let Err(failure) = &outcome {
            // The others may be followed for long.
            context.report.error(&format!("{failure}"));
        }
        outcome
    });
    let failed: Vec<String> = nodes
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| outcome.is_err())
        .map(|(node, _)| node.host.to_string())
        .collect();
    if let Some(signal) = outcomes.iter().find_map(|outcome| *outcome.as_ref().ok()?) {
        return Err(node::interrupted(signal));
    }
    if failed.is_empty() {
        return Ok(());
    }
    let exit =
        outcomes.into_iter().find_map(Result::err).map_or(crate::exit::Exit::Failed, |failure| failure.exit);
    let error = anyhow!("no logs from {} of {} nodes: {}", failed.len(), nodes.len(), failed.join(", "));
    Err(Failure { exit, error, hints: Vec::new() })
}

fn show(
    context: &Context,
    node: &NodeSettings,
    range: LogRange,
    width: usize,
) -> Result<Option<Signal>, Failure> {
    let mut session = Session::connect(&node.host, &context.connect_options(false)?)?;
    let place = context.place(&node.path)?;
    let host = node.host.host();
    crate::node::logs(&mut session, &place, range, &mut |line| {
        context.report.print(&format!("{host:width$} | {line}"));
    })
    .map_err(node::failure_of)
}
