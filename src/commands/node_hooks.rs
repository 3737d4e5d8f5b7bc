//! The functions of the config that take the place of node commands.

use anyhow::anyhow;

use super::Context;
use crate::exit::Failure;
use crate::node::NodeAction;
use crate::settings::NodeSettings;
use crate::shell::{Hosts, Reach, RemoteScript, ScriptMode, Serving, Steps, Variables, run_script};
use crate::transport::Session;

/// What one node is told.
pub(super) struct Order {
    /// The node.
    pub(super) node: NodeSettings,
    /// The config's own script for it (`get_<command>_node_command`), instead of ours.
    pub(super) script: Option<String>,
}

/// The functions of the config, for node commands.
pub(super) struct NodeHooks<'a> {
    context: &'a Context,
    hosts: Hosts,
}

impl<'a> NodeHooks<'a> {
    /// None has run yet.
    ///
    /// # Errors
    /// When a setting of the connections is invalid.
    pub(super) fn new(context: &'a Context) -> Result<Self, Failure> {
        Ok(Self { context, hosts: Hosts::new(context.connect_options(true)?) })
    }

    /// Whether the config's `execute_custom_node_command` has done it all.
    ///
    /// # Errors
    /// When the function ends bash.
    pub(super) fn execute(&mut self, action: NodeAction) -> Result<bool, Failure> {
        let mut steps = no_steps();
        let mut serving = Serving::new(&mut self.hosts, self.context.script_mode(), &mut *steps);
        let mut hooks = self.context.hooks();
        let done = hooks.asks("execute_custom_node_command", &[action.as_str()], &mut serving)?;
        Ok(done == Some(true))
    }

    /// What a node is told: the config's script where it has one. As the original, it is given the
    /// command, the node's directory and the argument for the start script.
    ///
    /// # Errors
    /// When the function fails.
    pub(super) fn order(&mut self, action: NodeAction, node: &NodeSettings) -> Result<Order, Failure> {
        let mut steps = no_steps();
        let mut serving = Serving::new(&mut self.hosts, self.context.script_mode(), &mut *steps);
        let argument = node.config.as_ref().map(|config| format!("--config={config}")).unwrap_or_default();
        let function = format!("get_{}_node_command", action.as_str());
        let arguments = [action.as_str(), node.path.as_str(), argument.as_str()];
        let script = self.context.hooks().value(&function, &arguments, &mut serving)?;
        Ok(Order { node: node.clone(), script })
    }
}

fn no_steps() -> Box<Steps<'static>> {
    Box::new(|name: &str, _: &[String], _: &mut Variables| {
        Err(Failure::failed(anyhow!("the step {name} cannot be called by node commands")))
    })
}

/// Runs the config's script for a node. Its output is the response.
///
/// # Errors
/// When it ends with a status other than 0, or the link fails.
pub(super) fn obey(session: &mut Session, script: &str, context: &Context) -> Result<String, Failure> {
    let script = RemoteScript {
        text: script.as_bytes().to_vec(),
        hosts: vec![session.addr().to_string()],
        reach: Reach::One,
        is_value: true,
        stdin: None,
    };
    // What it prints is shown in the node's block.
    let mode = ScriptMode { verbose: false, ..context.script_mode() };
    let output = run_script(session, &script, &mode).map_err(crate::shell::ScriptError::into_failure)?;
    Ok(String::from_utf8_lossy(&output).trim().to_owned())
}
