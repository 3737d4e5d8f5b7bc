//! `edeliver X [Y]`: a strategy of the project, `.deliver/strategies/erlang-X[-Y]`.

use anyhow::anyhow;

use super::build_release::{Build, BuildStep, Prepared};
use super::{Context, framed};
use crate::cli::Custom;
use crate::exit::Failure;
use crate::shell::{Hosts, Ran, RemoteScript, Reply, Requests, Serving, Variables};

/// Runs the strategy's `run`, or its `help`.
///
/// # Errors
/// When it cannot be read or fails. A build that it has begun gives its lock back.
pub fn run(context: &Context, custom: &Custom, strategy: &str) -> Result<(), Failure> {
    let file = context.settings.project().join(".deliver/strategies").join(strategy);
    // A strategy need not build; one that does is told what is missing then.
    let prepared = Prepared::of(context).ok();
    let mut running = Running::new(context, prepared.as_ref())?;
    context.hooks().variables_mut().set("STRATEGY", strategy);
    context.hooks().load_strategy(&file, &mut running)?;
    if custom.help {
        return call(context, "help", &mut running);
    }
    let command = custom.words.first().map(|word| word.to_uppercase()).unwrap_or_default();
    framed(context, &command, || {
        let ran = call(context, "run", &mut running);
        if let Some(build) = &mut running.build {
            build.close();
        }
        ran
    })
}

fn call(context: &Context, function: &str, running: &mut Running<'_>) -> Result<(), Failure> {
    match context.hooks().run(function, &[], running)? {
        Ran::Yes => Ok(()),
        Ran::NotDefined => {
            Err(Failure::usage(anyhow!("the strategy does not define the function {function}")))
        }
    }
}

/// What a strategy has begun.
struct Running<'a> {
    context: &'a Context,
    prepared: Option<&'a Prepared>,
    build: Option<Build<'a>>,
    hosts: Hosts,
    failure: Option<Failure>,
}

impl<'a> Running<'a> {
    fn new(context: &'a Context, prepared: Option<&'a Prepared>) -> Result<Self, Failure> {
        let hosts = Hosts::new(context.connect_options(true)?);
        Ok(Self { context, prepared, build: None, hosts, failure: None })
    }

    /// The build that the strategy's steps belong to, begun with the first of them.
    fn build(&mut self) -> Result<&mut Build<'a>, Failure> {
        let (context, prepared) = (self.context, self.prepared);
        let Some(prepared) = prepared else {
            // Says what is missing.
            Prepared::of(context)?;
            return Err(Failure::usage(anyhow!("the settings for a build are not complete")));
        };
        match &mut self.build {
            Some(build) => Ok(build),
            none => Ok(none.insert(Build::open(&prepared.build(context))?)),
        }
    }

    fn call_step(&mut self, name: &str, variables: &mut Variables) -> Result<(), Failure> {
        match BuildStep::of_function(name) {
            Some(step) => self.build()?.call(step, variables),
            // The hosts' keys are checked when they are connected to, settings when they are used.
            None if name.starts_with("authorize_") || name.starts_with("require_") => Ok(()),
            None => Err(Failure::failed(anyhow!("the step {name} cannot be called by strategies yet"))),
        }
    }
}

impl Requests for Running<'_> {
    fn remote(&mut self, script: &RemoteScript) -> Reply {
        // A container is reached by the build that has started it, and by nobody else.
        if let Some(build) = self.build.as_mut().filter(|build| build.has_container_for(script)) {
            let reply = build.remote(script);
            self.failure = build.take_failure();
            return reply;
        }
        let mut no_steps =
            |_: &str, _: &[String], _: &mut Variables| -> Result<Vec<u8>, Failure> { Ok(Vec::new()) };
        let mut serving = Serving::new(&mut self.hosts, self.context.script_mode(), &mut no_steps);
        let reply = serving.remote(script);
        self.failure = serving.take_failure();
        reply
    }

    fn step(&mut self, name: &str, _: &[String], variables: &mut Variables) -> Reply {
        match self.call_step(name, variables) {
            Ok(()) => Reply::default(),
            Err(failure) => {
                let status = failure.exit.code();
                self.context.report.error(&failure.to_string());
                self.failure = Some(failure);
                Reply::failed(status)
            }
        }
    }

    fn log(&mut self, text: &str) {
        self.context.report.log(text);
    }

    fn take_failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }
}
