//! The functions of the config around the steps of a deploy.

use std::cell::RefCell;

use anyhow::anyhow;

use super::Context;
use crate::exit::Failure;
use crate::release::Version;
use crate::settings::DeploySettings;
use crate::shell::{Hosts, Serving, Variables};

/// Steps of the original that a transaction cannot hand over: it could not undo them.
const OURS: [&str; 3] =
    ["upload_release_archive", "remote_clean_release_dir", "remote_extract_release_archive"];

/// The functions of the config, working on the hosts of a stage.
///
/// Their scripts go over connections of their own: that of the deploy renews the hosts' leases while
/// a function takes its time.
pub(super) struct StageHooks<'a> {
    context: &'a Context,
    hosts: RefCell<Hosts>,
    directory: String,
}

impl<'a> StageHooks<'a> {
    /// They see the stage's hosts, and what is deployed.
    ///
    /// # Errors
    /// When the config redefines a step that must be ours.
    pub(super) fn new(
        context: &'a Context,
        settings: &DeploySettings,
        version: &Version,
    ) -> Result<Self, Failure> {
        let mut hooks = context.hooks();
        for step in OURS {
            if let Some(place) = hooks.place(step) {
                let error =
                    anyhow!("{place} redefines {step}, which a deploy must do itself to be able to undo it");
                return Err(Failure::usage(error).hint(format!(
                    "Use the hooks pre_extract_release_archive and post_extract_release_archive instead of {step}."
                )));
            }
        }
        hooks.work_on(&settings.hosts, &settings.deliver_to);
        let variables = hooks.variables_mut();
        variables.set("VERSION", version.as_str());
        variables.set("DEPLOY_ENVIRONMENT", settings.stage.as_str());
        let hosts = RefCell::new(Hosts::new(context.connect_options(true)?));
        Ok(Self { context, hosts, directory: settings.deliver_to.to_string() })
    }

    /// Whether the config has a function of this name.
    pub(super) fn defines(&self, function: &str) -> bool {
        self.context.hooks().place(function).is_some()
    }

    /// Runs a function if the config has it.
    ///
    /// # Errors
    /// When it fails, or moves the deploy elsewhere.
    pub(super) fn run(&self, function: &str) -> Result<(), Failure> {
        let mut steps = |name: &str, _: &[String], _: &mut Variables| match name {
            // The hosts' keys were checked when we connected.
            name if name.starts_with("authorize_") => Ok(Vec::new()),
            name => {
                Err(Failure::failed(anyhow!("the step {name} cannot be called in the middle of a deploy")))
            }
        };
        let mut hosts = self.hosts.borrow_mut();
        let mut serving = Serving::new(&mut hosts, self.context.script_mode(), &mut steps);
        let mut hooks = self.context.hooks();
        hooks.run(function, &[], &mut serving)?;
        match hooks.variables().get("DELIVER_TO") {
            Some(directory) if directory != self.directory => Err(Failure::failed(anyhow!(
                "{function} has changed DELIVER_TO to {directory}: a deploy cannot move while it is under way"
            ))
            .hint("Set DELIVER_TO (or TEST_AT) outside of functions, for instance depending on $DEPLOY_ENVIRONMENT.")),
            _ => Ok(()),
        }
    }
}
