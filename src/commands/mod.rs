//! The commands: one file each, whose `run` reads like its recipe.

pub mod build_release;
pub mod check_config;
mod check_release;
mod complete;
mod console;
mod context;
mod copy;
mod custom;
mod deploy_image;
mod deploy_release;
mod deploy_upgrade;
pub mod differences;
mod doctor;
mod drill;
mod edit;
mod ending;
mod history;
mod increase;
mod init;
mod logs;
mod look;
mod node;
mod node_hooks;
mod notify;
mod pack;
mod plan;
mod plan_build;
mod project_help;
mod question;
mod recover;
mod rollback;
mod rolling;
mod select;
mod show;
mod show_releases;
mod stage_hooks;
mod staging;
mod status;
mod update;
mod upgrade;

use std::io::{self, Write};

use anyhow::anyhow;
use camino::Utf8Path;

use self::build_release::upgrade::Base;
pub use self::context::Context;
use self::project_help::ProjectHelp;
use crate::cli::{
    self, Archive, Build, Check, Command, Deploy, Edit, GitRef, Invocation, Migrate, Node, Show,
};
use crate::exit::{Exit, Failure, OrUsage as _, Signal};
use crate::node::{Direction, LogRange, Migration, NodeAction};
use crate::release::ArchiveKind;
use crate::shell::NoRequests;
use crate::store::{RegistryError, S3Error, StoreError};
use crate::transport::TransportError;

/// Runs the command that was asked for in the project at `project`.
///
/// # Errors
/// Whatever kept it from being done, with the exit status that it means.
pub fn run(invocation: &Invocation, project: &Utf8Path) -> Result<(), Failure> {
    match &invocation.command {
        // These must work with a config that does not.
        Command::Completions { shell } => return print(shell.completions().as_bytes()),
        Command::Manual => return print(&cli::manual()?),
        _ => {}
    }
    let context = open(invocation, project).inspect_err(|failure| {
        if invocation.common.json {
            ending::refused(Some(&invocation.command.name()), failure);
        }
    })?;
    let outcome = carry_out(&context, invocation).map_err(|mut failure| {
        if let (Exit::Failed, Some(signal)) = (failure.exit, cut_short(&failure.error)) {
            failure.exit = Exit::Interrupted(signal);
        }
        // Scripts and commands that an error shows may hold secrets.
        failure.reworded(|text| context.report.redact(text))
    });
    ending::tell(&context, invocation, &outcome);
    outcome
}

/// Prints what may stand in place of the last of `words`.
pub fn complete(words: &[String], project: &Utf8Path) {
    complete::run(words, project);
}

/// Tells programs that read along (`--json`) of a command line that means nothing.
pub fn refused(failure: &Failure) {
    ending::refused(None, failure);
}

/// The signal that has cut a store short, if that is what failed. What a deploy has put right since then
/// is a failure all the same, whatever was pressed meanwhile.
fn cut_short(error: &anyhow::Error) -> Option<Signal> {
    match error.downcast_ref::<StoreError>()? {
        StoreError::Host { cause, .. } => match **cause {
            TransportError::Interrupted(signal) => Some(signal),
            _ => None,
        },
        StoreError::Bucket { cause, .. } => match **cause {
            S3Error::Interrupted(signal) => Some(signal),
            _ => None,
        },
        StoreError::Repository { source, .. } => match **source {
            RegistryError::Interrupted(signal) => Some(signal),
            _ => None,
        },
        _ => None,
    }
}

fn carry_out(context: &Context, invocation: &Invocation) -> Result<(), Failure> {
    match &invocation.command {
        Command::Build(build) => run_build(context, build),
        Command::Deploy(Deploy::Release(release)) => deploy_release::run(context, release),
        Command::Deploy(Deploy::Upgrade(upgrade)) => deploy_upgrade::run(context, upgrade),
        Command::Update(options) => update::run(context, options),
        Command::Upgrade(options) => upgrade::run(context, options),
        Command::Rollback(rollback) => rollback::run(context, rollback),
        Command::Status(_) => status::run(context),
        Command::History(_) => history::run(context),
        Command::Drill(_) => drill::run(context),
        Command::Doctor(doctor) => doctor::run(context, doctor.scope),
        Command::Init(init) => init::run(context, init),
        Command::Recover(recover) => recover::run(context, recover),
        Command::Node(node) => run_node(context, node),
        Command::Upload(what) => copy::upload(context, what),
        Command::Download(what) => copy::download(context, what),
        Command::Show(Show::Releases(options)) => show_releases::run(context, options),
        Command::Show(Show::Relup { file }) => framed(context, "SHOW", || show::relup(context, file)),
        Command::Show(Show::Appups) => framed(context, "SHOW", || show::appups(context)),
        Command::Edit(Edit::Relup(selection)) => framed(context, "EDIT", || edit::relup(context, selection)),
        Command::Edit(Edit::Appups(selection)) => {
            framed(context, "EDIT", || edit::appups(context, selection))
        }
        Command::Increase(increase) => increase::run(context, increase.part),
        Command::Pack(Archive::Release(which)) => pack::pack_archive(context, ArchiveKind::Release, which),
        Command::Pack(Archive::Upgrade(which)) => pack::pack_archive(context, ArchiveKind::Upgrade, which),
        Command::Unpack(Archive::Release(which)) => {
            pack::unpack_archive(context, ArchiveKind::Release, which)
        }
        Command::Unpack(Archive::Upgrade(which)) => {
            pack::unpack_archive(context, ArchiveKind::Upgrade, which)
        }
        Command::Check(Check::Release(which)) => check_release::run(context, which),
        Command::Check(Check::Config { differences: true, .. }) => {
            context.report.print(&differences::listing(&context.settings));
            Ok(())
        }
        Command::Check(Check::Config { .. }) => check_config::run(&context.settings, &context.report),
        Command::Custom(words) => {
            custom::run(context, words, &invocation.command.strategy().unwrap_or_default())
        }
        // They were answered before the settings were read.
        Command::Completions { .. } | Command::Manual => Ok(()),
    }
}

/// Runs a command between the lines that the original has around those without words of their own.
fn framed(
    context: &Context,
    command: &str,
    run: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let app = context.settings.app().or_usage()?.to_uppercase();
    context.report.banner(&format!("EDELIVER {app} WITH {command} COMMAND"));
    run()?;
    context.report.banner(&format!("{command} DONE!"));
    Ok(())
}

/// Reads the settings. The words and options that we do not know may be the project's own.
fn open(invocation: &Invocation, project: &Utf8Path) -> Result<Context, Failure> {
    let word = invocation.command.word();
    let mut unknown = Vec::new();
    let mut set = Vec::new();
    // The project's file is read only when it is needed.
    let mut help = if invocation.ignored.is_empty() { None } else { ProjectHelp::of(project)? };
    for argument in &invocation.ignored {
        let known = help.as_mut().map_or(Ok(false), |help| help.accepts(word, argument))?;
        if !known {
            unknown.push(argument);
        }
    }
    if let Some(help) = help {
        set = help.set();
    }
    let context = Context::new(invocation, project, set)?;
    for argument in unknown {
        let accepts = "accepts_custom_command_argument";
        if context.hooks().asks(accepts, &[word, argument], &mut NoRequests)? != Some(true) {
            context.report.hint(&cli::ignored_hint(argument));
        }
    }
    for hint in &invocation.hints {
        context.report.hint(hint);
    }
    Ok(context)
}

/// Prints the overview of all commands, with what the project adds to it.
///
/// # Errors
/// When `.deliver/help` cannot be read, or standard output not be written.
pub fn overview(text: &str, project: &Utf8Path) -> Result<(), Failure> {
    print(text.as_bytes())?;
    match ProjectHelp::of(project)? {
        Some(mut help) => print(&help.commands()?),
        None => Ok(()),
    }
}

fn run_build(context: &Context, build: &Build) -> Result<(), Failure> {
    let prepared = build_release::Prepared::of(context)?;
    let with = prepared.build(context);
    match build {
        Build::Release(_) => build_release::run(&with).map(drop),
        Build::Upgrade(upgrade) => {
            let to = upgrade.commit.to.as_ref().map(GitRef::as_str);
            build_release::upgrade::run(&with, &Base::of(&upgrade.base)?, to).map(drop)
        }
        Build::Appups(appups) => {
            let to = appups.commit.to.as_ref().map(GitRef::as_str);
            build_release::upgrade::run_appups(&with, &Base::of(&appups.base)?, to)
        }
    }
}

fn run_node(context: &Context, node: &Node) -> Result<(), Failure> {
    let environment = context.settings.get("NODE_ENVIRONMENT").unwrap_or("staging");
    let action = match node {
        Node::Ping(_) => NodeAction::Ping,
        Node::Version(_) => NodeAction::Version,
        Node::Start(_) => NodeAction::Start,
        Node::Stop(_) => NodeAction::Stop,
        Node::Restart(_) => NodeAction::Restart,
        Node::Migrate(migrate) => NodeAction::Migrate(migration(migrate)),
        Node::Migrations(_) => NodeAction::Migrations,
        Node::RemoteConsole(_) => return console::run(context, environment),
        Node::Logs(logs) => {
            return logs::run(context, environment, LogRange { lines: logs.lines, follow: logs.follow });
        }
    };
    node::run(context, action, environment)
}

fn migration(migrate: &Migrate) -> Migration {
    let direction = match migrate.direction {
        Some(cli::Direction::Down) => Direction::Down,
        Some(cli::Direction::Up) | None => Direction::Up,
    };
    Migration { direction, to: migrate.version }
}

/// Writes text that a program or a pager reads. One that has read enough and left is no failure.
///
/// # Errors
/// When standard output cannot be written.
pub fn print(text: &[u8]) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow!(error).context("cannot write to standard output").into())
        }
        _ => Ok(()),
    }
}
