//! The functions of the config around the steps of a deploy.

use std::cell::RefCell;

use anyhow::anyhow;

use super::Context;
use crate::deploy::{Rolling, Target};
use crate::exit::Failure;
use crate::release::Version;
use crate::settings::DeploySettings;
use crate::shell::{Hooks, Hosts, Reach, RemoteScript, ScriptError, Serving, Variables};
use crate::transport::Session;

/// The steps of the original that a config may do by itself, in a deploy of a release.
pub(super) const UPLOAD: &str = "upload_release_archive";
pub(super) const CLEAN: &str = "remote_clean_release_dir";
pub(super) const EXTRACT: &str = "remote_extract_release_archive";

/// Functions that a deploy calls and whose scripts go to its hosts.
const CALLED: [&str; 9] = [
    UPLOAD,
    CLEAN,
    EXTRACT,
    "pre_extract_release_archive",
    "post_extract_release_archive",
    "pre_start_deployed_release",
    "post_start_deployed_release",
    "force_start_release",
    "get_restart_node_command",
];

/// The functions of the config, working on the hosts of a stage. Their scripts go over the deploy's
/// own connections.
pub(super) struct StageHooks<'a> {
    context: &'a Context,
    hosts: RefCell<Hosts>,
    hosts_app_user: Vec<String>,
    directory: String,
}

impl<'a> StageHooks<'a> {
    /// They see the stage's hosts, and what is deployed, once that is known.
    ///
    /// # Errors
    /// When a setting of it is invalid.
    pub(super) fn new(
        context: &'a Context,
        settings: &DeploySettings,
        version: Option<&Version>,
    ) -> Result<Self, Failure> {
        let mut hooks = context.hooks();
        hooks.work_on(&settings.hosts, &settings.deliver_to);
        let variables = hooks.variables_mut();
        if let Some(version) = version {
            variables.set("VERSION", version.as_str());
        }
        variables.set("DEPLOY_ENVIRONMENT", settings.stage.as_str());
        let hosts = RefCell::new(Hosts::new(context.connect_options(true)?));
        let hosts_app_user = settings.hosts.iter().map(ToString::to_string).collect();
        Ok(Self { context, hosts, hosts_app_user, directory: settings.deliver_to.to_string() })
    }

    /// The hosts of the stage. What functions send there finds the user's ssh agent, as with the
    /// original.
    ///
    /// # Errors
    /// When a setting of it is invalid.
    pub(super) fn targets(&self, settings: &DeploySettings) -> Result<Vec<Target>, Failure> {
        let forward_agent = CALLED.iter().any(|function| self.defines(function));
        self.context.targets_over(settings, &self.context.connect_options(forward_agent)?)
    }

    /// A step that must be ours, in this kind of deploy, to be undone.
    ///
    /// # Errors
    /// When the config redefines it: exit status 2.
    pub(super) fn must_be_ours(&self, step: &str) -> Result<(), Failure> {
        let Some(place) = self.context.hooks().place(step) else { return Ok(()) };
        let error = anyhow!("{place} redefines {step}, which a deploy must do itself to be able to undo it");
        Err(Failure::usage(error)
            .hint(format!("Use the hooks pre_{step} and post_{step} instead of {step}.")))
    }

    /// A config that restarts the nodes in its own way does so on all hosts at once.
    ///
    /// # Errors
    /// When nodes are to be restarted some at a time all the same: exit status 2.
    pub(super) fn let_restart_in_batches(&self, rolling: &Rolling) -> Result<(), Failure> {
        let mut own = ["force_start_release", "get_restart_node_command"].into_iter();
        match own.find(|function| self.defines(function)) {
            Some(function) if *rolling != Rolling::default() => Err(Failure::usage(anyhow!(
                "nodes cannot be restarted some at a time: {function} of the config restarts all of them"
            ))
            .hint("Leave out --batch, --canary and DEPLOY_BATCH, or the function: START_COMMAND may do.")),
            _ => Ok(()),
        }
    }

    /// Whether the config has a function of this name.
    pub(super) fn defines(&self, function: &str) -> bool {
        self.context.hooks().place(function).is_some()
    }

    /// Restarts the nodes with the config's own script for that (`get_restart_node_command`).
    ///
    /// # Errors
    /// When the function or its script fails.
    pub(super) fn restart_nodes(&self, sessions: Vec<Session>) -> Result<(), Failure> {
        self.hosts.borrow_mut().reach_over(sessions);
        let arguments = ["restart", self.directory.as_str(), ""];
        let script =
            self.serve(|hooks, serving| hooks.value("get_restart_node_command", &arguments, serving))?;
        let hosts = self.hosts_app_user.clone();
        let script = RemoteScript {
            text: script.unwrap_or_default().into_bytes(),
            hosts,
            reach: Reach::All,
            is_value: false,
            stdin: None,
        };
        let ran = self.hosts.borrow_mut().run(&script, &self.context.script_mode());
        ran.map(drop).map_err(ScriptError::into_failure)
    }

    /// Runs a function if the config has it, over these sessions.
    ///
    /// # Errors
    /// When it fails, or moves the deploy elsewhere.
    pub(super) fn run(&self, function: &str, sessions: Vec<Session>) -> Result<(), Failure> {
        self.run_in(&self.directory, function, sessions)
    }

    /// The same with another directory in the place of DELIVER_TO.
    ///
    /// # Errors
    /// As [`StageHooks::run`].
    pub(super) fn run_in(
        &self,
        deliver_to: &str,
        function: &str,
        sessions: Vec<Session>,
    ) -> Result<(), Failure> {
        self.hosts.borrow_mut().reach_over(sessions);
        self.context.hooks().variables_mut().set("DELIVER_TO", deliver_to);
        let ran = self.serve(|hooks, serving| hooks.run(function, &[], serving));
        let mut hooks = self.context.hooks();
        let left = hooks.variables().get("DELIVER_TO").map(str::to_owned);
        hooks.variables_mut().set("DELIVER_TO", self.directory.as_str());
        ran?;
        match left {
            Some(directory) if directory != deliver_to => Err(Failure::failed(anyhow!(
                "{function} has changed DELIVER_TO to {directory}: a deploy cannot move while it is under way"
            ))
            .hint("Set DELIVER_TO (or TEST_AT) outside of functions, for instance depending on $DEPLOY_ENVIRONMENT.")),
            _ => Ok(()),
        }
    }

    /// Calls the config's functions, which may run scripts on the stage's hosts.
    fn serve<T>(
        &self,
        call: impl FnOnce(&mut Hooks, &mut Serving<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut steps = |name: &str, _: &[String], _: &mut Variables| match name {
            // The hosts' keys were checked when we connected.
            name if name.starts_with("authorize_") => Ok(Vec::new()),
            name => {
                Err(Failure::failed(anyhow!("the step {name} cannot be called in the middle of a deploy")))
            }
        };
        let mut hosts = self.hosts.borrow_mut();
        let mut serving = Serving::new(&mut hosts, self.context.script_mode(), &mut steps);
        call(&mut self.context.hooks(), &mut serving)
    }
}
