//! `edeliver ping|version|start|stop|restart|migrate|migrations`: the nodes of an environment.

use anyhow::anyhow;
use serde_json::json;

use super::Context;
use super::node_hooks::{self, NodeHooks, Order};
use crate::deploy::Rolling;
use crate::exit::{Exit, Failure, OrUsage, Signal};
use crate::host::agent::PhaseError;
use crate::host::each;
use crate::node::{self, NodeAction};
use crate::report::{HostState, Report, Tone};
use crate::settings::{MigrateOn, NodeSettings};
use crate::transport::{Session, TransportError};

/// Tells or asks every node of `environment` and shows a block for each (PARITY.md section 4).
///
/// # Errors
/// When a node is not as the action wants it. The others have been told or asked all the same.
pub fn run(context: &Context, action: NodeAction, environment: &str) -> Result<(), Failure> {
    let report = &context.report;
    let app = context.settings.app().or_usage()?;
    let mut nodes = context.settings.nodes(environment).or_usage()?;
    if is_migration(action) && context.settings.migrate_on().or_usage()? == MigrateOn::First {
        nodes.truncate(1);
    }
    report.banner(&format!(
        "EDELIVER {} WITH {} COMMAND",
        app.to_uppercase(),
        action.as_str().to_uppercase()
    ));
    report.status(&match action {
        NodeAction::Version => format!("getting release versions from {environment} servers"),
        NodeAction::Migrations => format!("getting pending migrations from {environment} servers"),
        NodeAction::Migrate(_) => format!("migrating {environment} servers"),
        _ => format!("{}ing {environment} servers", action.as_str()),
    });
    // The original looks at hosts that are named for this run only.
    let named = ["HOST", "HOSTS", "SERVER", "SERVERS"];
    if named.iter().any(|name| context.settings.get(name).is_some_and(|hosts| !hosts.is_empty())) {
        report.status("Authorizing hosts");
    }
    let done = format!("{} DONE!", action.as_str().to_uppercase());
    let mut hooks = NodeHooks::new(context)?;
    if hooks.execute(action)? {
        report.banner(&done);
        return Ok(());
    }
    let orders: Vec<Order> = nodes.iter().map(|node| hooks.order(action, node)).collect::<Result<_, _>>()?;
    let outcomes: Vec<_> = match action {
        // Where nodes share a database all the same, the first has done it all.
        NodeAction::Migrate(_) => orders.iter().map(|order| ask(context, action, order)).collect(),
        NodeAction::Restart => restart(context, &orders)?,
        _ => each(&orders, |order| ask(context, action, order)),
    };
    let several = nodes.len() > 1;
    if several && !report.is_read_by_programs() {
        report.print("");
    }
    for (index, (node, outcome)) in nodes.iter().zip(&outcomes).enumerate() {
        if report.is_read_by_programs() {
            tell_programs(report, environment, node, outcome);
            continue;
        }
        report.print(&block(report, environment, several.then_some(index), node, outcome));
        if several {
            report.print("");
        }
    }
    failure(action, &nodes, outcomes)?;
    report.banner(&done);
    Ok(())
}

/// Restarts the nodes, as many at a time as `DEPLOY_BATCH` says. When one does not come up, those behind
/// it are left as they are.
fn restart(context: &Context, orders: &[Order]) -> Result<Vec<Result<String, Failure>>, Failure> {
    let rolling = Rolling { batch: context.settings.batch().or_usage()?, canary: None };
    let mut outcomes: Vec<Result<String, Failure>> = Vec::new();
    for batch in rolling.batches(orders.len()) {
        let orders = orders.get(batch).unwrap_or_default();
        if outcomes.iter().any(Result::is_err) {
            let left = || Err(Failure::failed(anyhow!("left as it is, since another node did not come up")));
            outcomes.extend(orders.iter().map(|_| left()));
        } else {
            outcomes.extend(each(orders, |order| ask(context, NodeAction::Restart, order)));
        }
    }
    Ok(outcomes)
}

fn is_migration(action: NodeAction) -> bool {
    matches!(action, NodeAction::Migrate(_) | NodeAction::Migrations)
}

fn ask(context: &Context, action: NodeAction, order: &Order) -> Result<String, Failure> {
    let node = &order.node;
    let mut session = Session::connect(&node.host, &context.connect_options(false)?)?;
    if let Some(script) = &order.script {
        return node_hooks::obey(&mut session, script, context);
    }
    let place = context.place(&node.path)?;
    let argument = node.config.as_ref().map(|config| format!("--config={config}"));
    let mut progress = |line: &str| context.report.info(&format!("  {}: {line}", node.host));
    let response = node::command(&mut session, &place, action, argument.as_deref(), &mut progress);
    response.map(|text| text.replace('\n', INDENTED)).map_err(failure_of)
}

/// What was seen on a node, as the end of a command.
pub(super) fn failure_of(error: PhaseError) -> Failure {
    match error {
        PhaseError::Link(TransportError::Interrupted(signal)) => interrupted(signal),
        error => Failure::failed(error),
    }
}

/// The user has asked to stop.
pub(super) fn interrupted(signal: Signal) -> Failure {
    Failure { exit: Exit::Interrupted(signal), error: anyhow!("interrupted"), hints: Vec::new() }
}

/// The answer of a node for programs, and how it ended.
fn tell_programs(report: &Report, environment: &str, node: &NodeSettings, outcome: &Result<String, Failure>) {
    let (response, error) = match outcome {
        Ok(response) => (Some(response.replace(INDENTED, "\n")), None),
        Err(failure) => (None, Some(format!("{:#}", failure.error))),
    };
    let host = node.host.to_string();
    report.event(
        "node",
        json!({ "environment": environment, "host": host, "response": response, "error": error }),
    );
    report.host_ended(&host, None, if outcome.is_ok() { HostState::Done } else { HostState::Failed });
}

/// A further line behind "  response: ".
const INDENTED: &str = "\n            ";

/// As the original shows a node and its response.
fn block(
    report: &Report,
    environment: &str,
    index: Option<usize>,
    node: &NodeSettings,
    outcome: &Result<String, Failure>,
) -> String {
    let index = index.map_or(String::new(), |index| format!(" {index}"));
    let environment = report.toned(Tone::Good, environment);
    let mut lines = vec![format!("\n{environment} node:{index}\n")];
    lines.push(format!("  user    : {}", node.host.user().unwrap_or_default()).trim_end().to_owned());
    lines.push(format!("  host    : {}", node.host.host()));
    lines.push(format!("  path    : {}", node.path));
    if let Some(config) = &node.config {
        lines.push(format!("  config  : {config}"));
    }
    match outcome {
        Ok(response) => lines.push(format!("  response: {}", report.toned(Tone::Notice, response))),
        Err(failure) => {
            lines.push(format!("  response: {}", report.toned(Tone::Alarm, "failed")));
            let text = format!("{:#}", failure.error);
            lines.push(format!("  error   : {}", text.replace('\n', INDENTED)));
        }
    }
    lines.join("\n")
}

/// One failure for all nodes; each one's error stands in its block.
fn failure(
    action: NodeAction,
    nodes: &[NodeSettings],
    outcomes: Vec<Result<String, Failure>>,
) -> Result<(), Failure> {
    let mut failed = Vec::new();
    let mut exit = Exit::Failed;
    for (node, outcome) in nodes.iter().zip(outcomes) {
        if let Err(failure) = outcome {
            if failure.exit != Exit::Failed {
                exit = failure.exit;
            }
            failed.push(node.host.to_string());
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let error = anyhow!(
        "{} failed on {} of {} nodes: {}",
        action.as_str(),
        failed.len(),
        nodes.len(),
        failed.join(", ")
    );
    Err(Failure { exit, error, hints: Vec::new() })
}
