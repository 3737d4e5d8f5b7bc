//! Upgrades: the release that one starts from, its relup, and appups.

use super::task::{prepared, tool};
use super::{BuiltRelease, Project, Task};
use crate::git::remote::from_home;
use crate::release::Version;
use crate::settings::ReleaseTool;
use crate::transport::{RemoteCommand, RemotePath};

const UNPACK_BASE: &str = include_str!("unpack_base.sh");
const REMOVE_BASE: &str = include_str!("remove_base.sh");
const INSTALL_APPUPS: &str = include_str!("install_appups.sh");
const COLLECT_APPUPS: &str = include_str!("collect_appups.sh");

/// Why a release tool makes no upgrades.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoUpgrades {
    /// Elixir's own task makes no relups.
    #[error(
        "`mix release` makes releases only: upgrades without a restart need distillery, rebar3, rebar or relx"
    )]
    MixRelease,
    /// Only rebar writes appups by itself.
    #[error("only rebar generates appups; {0}")]
    Appups(&'static str),
}

/// Whether the project's tool makes upgrades.
///
/// # Errors
/// When it does not.
pub fn possible(tool: ReleaseTool) -> Result<(), NoUpgrades> {
    if tool == ReleaseTool::MixRelease { Err(NoUpgrades::MixRelease) } else { Ok(()) }
}

/// Whether the project's tool generates appups (PARITY.md section 3: rebar projects).
///
/// # Errors
/// When it does not.
pub fn appups_possible(tool: ReleaseTool) -> Result<(), NoUpgrades> {
    match tool {
        ReleaseTool::Rebar => Ok(()),
        ReleaseTool::MixRelease => Err(NoUpgrades::MixRelease),
        ReleaseTool::Distillery => Err(NoUpgrades::Appups(
            "distillery generates what is missing when it builds the upgrade; your own ones lie in rel/appups",
        )),
        ReleaseTool::Rebar3 | ReleaseTool::Relx => Err(NoUpgrades::Appups(
            "write ebin/NAME.appup (or use the plugin rebar3_appup_plugin) and commit it",
        )),
    }
}

/// Where the tool looks for the release of version `base` that an upgrade starts from.
pub fn base_directory(project: &Project<'_>, base: &Version) -> RemotePath {
    let settings = project.settings;
    let app = &settings.app;
    let usual = match settings.release_tool {
        ReleaseTool::MixRelease | ReleaseTool::Distillery => format!("_build/{}/rel/{app}", settings.mix_env),
        ReleaseTool::Rebar3 if settings.rebar_profile.is_empty() => format!("_build/default/rel/{app}"),
        ReleaseTool::Rebar3 => format!("_build/{}/rel/{app}", settings.rebar_profile),
        ReleaseTool::Relx => format!("_rel/{app}"),
        ReleaseTool::Rebar => format!("rel/{app}"),
    };
    let usual = settings.release_dir.as_ref().map_or_else(|| project.at.join(&usual), from_home);
    match settings.release_tool {
        ReleaseTool::Rebar => beside(&usual, app, base),
        _ => usual,
    }
}

/// rebar wants the old release in a directory of its own: `APP_VERSION` beside the new one.
fn beside(directory: &RemotePath, app: &str, base: &Version) -> RemotePath {
    let parent = directory.as_str().rsplit_once('/').map_or("", |(parent, _)| parent);
    // Part of a path that was one already.
    format!("{parent}/{app}_{base}").parse().unwrap_or_else(|_| directory.clone())
}

/// Puts the release of the archive on standard input where the tool looks for it. `prefix` is the
/// directory in the archive that stands for the release; empty for none.
pub fn unpack_base(project: &Project<'_>, base: &Version, prefix: &str) -> RemoteCommand {
    let unpack = RemoteCommand::script(UNPACK_BASE).arg(base_directory(project, base)).arg(prefix);
    prepared(project, unpack.arg(base.as_str()))
}

/// What is to be done with the release that an upgrade starts from once it is built.
pub fn keep_base(project: &Project<'_>, built: &BuiltRelease) -> Vec<Task> {
    if project.settings.release_tool != ReleaseTool::Rebar {
        return Vec::new();
    }
    let to = beside(&built.directory, &project.settings.app, &built.version);
    let commands = [
        RemoteCommand::new("rm").args(["-rf", "--"]).arg(&to),
        RemoteCommand::new("mv").arg("--").arg(&built.directory).arg(&to),
    ];
    commands.into_iter().map(|command| Task::must(prepared(project, command))).collect()
}

/// Makes the relup from `base` to the new release. Nothing for distillery, which does it with the release.
pub fn relup(project: &Project<'_>, new: &BuiltRelease, base: &Version) -> Vec<Task> {
    let settings = project.settings;
    let remove_base = || {
        let remove = RemoteCommand::script(REMOVE_BASE).arg(&new.directory).arg(&settings.app);
        Task::must(prepared(project, remove.args([base.as_str(), new.version.as_str()])))
    };
    match settings.release_tool {
        ReleaseTool::MixRelease | ReleaseTool::Distillery => Vec::new(),
        ReleaseTool::Rebar3 => {
            let relup = tool(project, &settings.rebar3)
                .args(&settings.release_options)
                .args(["relup", "-n", &settings.app, "-v", new.version.as_str(), "-u", base.as_str()])
                .env("REBAR_PROFILE", &settings.rebar_profile);
            vec![Task::must(relup), remove_base()]
        }
        ReleaseTool::Relx => vec![Task::must(tool(project, &settings.relx).arg("relup"))],
        ReleaseTool::Rebar => vec![Task::must(previous(project, "generate-upgrade", base))],
    }
}

/// Generates appups from `base` to the new release.
pub fn appups(project: &Project<'_>, base: &Version) -> Vec<Task> {
    match project.settings.release_tool {
        ReleaseTool::Rebar => vec![Task::must(previous(project, "generate-appups", base))],
        _ => Vec::new(),
    }
}

/// Puts the appups of the tar on standard input into the new release.
pub fn install_appups(project: &Project<'_>, new: &BuiltRelease) -> RemoteCommand {
    let profile = &project.settings.rebar_profile;
    let profile = if profile.is_empty() { "default" } else { profile };
    let compiled = project.at.join(&format!("_build/{profile}/lib"));
    let install = RemoteCommand::script(INSTALL_APPUPS).arg(&new.directory).arg(&compiled);
    prepared(project, install.arg(new.version.as_str()))
}

/// Prints a tar of the new release's appups.
pub fn collect_appups(project: &Project<'_>, new: &BuiltRelease) -> RemoteCommand {
    prepared(project, RemoteCommand::script(COLLECT_APPUPS).arg(&new.directory))
}

fn previous(project: &Project<'_>, task: &str, base: &Version) -> RemoteCommand {
    let previous = format!("previous_release={}_{base}", project.settings.app);
    tool(project, &project.settings.rebar).arg(task).arg(previous)
}
