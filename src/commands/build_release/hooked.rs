//! The functions of the config around the steps of a build.

use anyhow::anyhow;

use super::{Build, BuildContext, BuildStep};
use crate::commands::Context;
use crate::exit::{Failure, OrUsage};
use crate::release::RequiredFiles;
use crate::shell::{Hosts, RemoteScript, Reply, Requests, Variables, check_hosts, run_script};

/// What functions of the config reach while a build runs.
pub(super) struct BuildHooks<'a> {
    /// Hosts other than the build host.
    others: Option<(&'a Context, Hosts)>,
    /// Why a request failed.
    failure: Option<Failure>,
}

impl<'a> BuildHooks<'a> {
    /// None of them has asked for anything yet.
    pub(super) fn new(context: &BuildContext<'a>) -> Result<Self, Failure> {
        let Some(hooked) = context.hooked else { return Ok(Self { others: None, failure: None }) };
        Ok(Self { others: Some((hooked, Hosts::new(hooked.connect_options(true)?))), failure: None })
    }
}

impl Build<'_> {
    /// A step with its hooks, or the function that takes its place. What they set holds from then on.
    pub(super) fn run_hooked(&mut self, context: &Context, step: BuildStep) -> Result<(), Failure> {
        let mut hooks = context.hooks();
        hooks.around(step.function(), self, |build, variables| {
            build.read(context, variables)?;
            build.run_ours(step)?;
            build.tell(variables);
            Ok(())
        })?;
        self.read(context, hooks.variables())
    }

    /// Takes over what functions of the config have set.
    fn read(&mut self, context: &Context, variables: &Variables) -> Result<(), Failure> {
        let mut settings = context.settings.changed_to(variables.texts());
        // For the original DELIVER_TO is where a build works; BUILD_AT says so only at its beginning.
        if let Some(directory) = variables.get("DELIVER_TO").filter(|directory| !directory.is_empty()) {
            settings.set_by_hook("BUILD_AT", directory);
        }
        let changed = settings.build().or_usage()?;
        if changed == *self.settings {
            return Ok(());
        }
        if changed.at != self.settings.at {
            self.at = None;
            self.release = None;
        }
        self.required = RequiredFiles::parse(&changed.required_files).or_usage()?;
        self.settings = changed.into();
        Ok(())
    }

    /// Gives functions of the config what the steps have found out.
    fn tell(&self, variables: &mut Variables) {
        self.tell_container(variables);
        variables.set("REVISION", self.source.revision.as_str());
        if let Some(release) = &self.release {
            variables.set("RELEASE_VERSION", release.version.as_str());
            variables.set("RELEASE_DIR", release.directory.as_str());
        }
    }

    /// The names by which functions know the container and its checkout here.
    pub(super) fn tell_container(&self, variables: &mut Variables) {
        if let Some(container) = &self.container {
            variables.set("DOCKER_BUILD_CONTAINER", container.name());
            variables.set("DOCKER_BUILD_DIR", container.checkout().as_str());
        }
    }

    /// Whether a script is for the container that this build has started.
    pub(in crate::commands) fn has_container_for(&self, script: &RemoteScript) -> bool {
        self.container.is_some() && script.hosts == [self.host.addr().to_string()]
    }

    fn serve(&mut self, script: &RemoteScript) -> Result<Vec<u8>, Failure> {
        let Some((context, others)) = &mut self.hooks.others else { return Ok(Vec::new()) };
        let mode = context.script_mode();
        check_hosts(script).map_err(crate::shell::ScriptError::into_failure)?;
        let ran = if script.hosts == [self.host.addr().to_string()] {
            run_script(self.host.session(), script, &mode)
        } else {
            others.run(script, &mode)
        };
        ran.map_err(crate::shell::ScriptError::into_failure)
    }

    /// Runs a step of ours for a function of the config that calls it.
    pub(in crate::commands) fn call(
        &mut self,
        step: BuildStep,
        variables: &mut Variables,
    ) -> Result<(), Failure> {
        if let Some((context, _)) = &self.hooks.others {
            let context = *context;
            self.read(context, variables)?;
        }
        self.run_ours(step)?;
        self.tell(variables);
        Ok(())
    }

    fn call_step(&mut self, name: &str, variables: &mut Variables) -> Result<(), Failure> {
        match BuildStep::of_function(name) {
            Some(step) => self.call(step, variables),
            // The host's key was checked when we connected.
            None if name.starts_with("authorize_") => Ok(()),
            None => Err(Failure::failed(anyhow!("the step {name} is not part of a build here"))),
        }
    }

    fn reply(&mut self, outcome: Result<Vec<u8>, Failure>) -> Reply {
        match outcome {
            Ok(output) => Reply::output(output),
            Err(failure) => {
                let status = failure.exit.code();
                self.report().error(&failure.to_string());
                self.hooks.failure = Some(failure);
                Reply::failed(status)
            }
        }
    }
}

impl Requests for Build<'_> {
    fn remote(&mut self, script: &RemoteScript) -> Reply {
        let text = String::from_utf8_lossy(&script.text);
        self.report().log(&format!("{} : {text}", script.hosts.join(" ")));
        let outcome = self.serve(script);
        self.reply(outcome)
    }

    fn step(&mut self, name: &str, _: &[String], variables: &mut Variables) -> Reply {
        let outcome = self.call_step(name, variables).map(|()| Vec::new());
        self.reply(outcome)
    }

    fn log(&mut self, text: &str) {
        self.report().log(text);
    }

    fn take_failure(&mut self) -> Option<Failure> {
        self.hooks.failure.take()
    }
}
