//! mix: dependencies, compiling, and both ways to a release: `mix release` and Distillery.

use super::task::{script_for_tool, tool};
use super::{OnFailure, Project, Purpose, Task};
use crate::settings::ReleaseTool;
use crate::transport::RemoteCommand;

const LOCAL_REBAR: &str = include_str!("mix_local_rebar.sh");

/// Both need the network. A host without it may have what the project needs; `mix deps.get` and
/// `mix compile` say so if it does not.
const NO_REBAR: &str = "mix local.rebar failed (no network?): going on with what the build host has";
const NO_HEX: &str = "mix local.hex failed (no network?): going on with what the build host has";

pub(super) fn fetch_dependencies(project: &Project<'_>) -> Vec<Task> {
    let settings = project.settings;
    let named = |command: RemoteCommand| command.env("APP", &settings.app).env("MIX_ENV", &settings.mix_env);
    let local_rebar = script_for_tool(project, LOCAL_REBAR, &settings.mix).args(["local.rebar", "--force"]);
    let local_hex = tool(project, &settings.mix).args(["local.hex", "--force"]);
    let get = tool(project, &settings.mix).args(["deps.get", "--only", &settings.mix_env]);
    vec![
        Task { command: named(local_rebar), on_failure: OnFailure::GoOn(NO_REBAR) },
        Task { command: named(local_hex), on_failure: OnFailure::GoOn(NO_HEX) },
        Task::must(named(get)),
    ]
}

pub(super) fn compile(project: &Project<'_>) -> Vec<Task> {
    let makes_release =
        matches!(project.settings.release_tool, ReleaseTool::MixRelease | ReleaseTool::Distillery);
    let mut tasks: Vec<Vec<String>> = Vec::new();
    if !project.settings.skip_mix_clean {
        tasks.push(words(&["clean"]));
    }
    if makes_release {
        tasks.extend(release_version(project).map(|mut task| {
            // As the original has it, with a comma of its own.
            if !project.verbose {
                task.push(String::new());
            }
            task
        }));
    } else {
        tasks.push(words(&["deps.compile"]));
    }
    tasks.push(words(&["compile"]));
    let command = tool(project, &project.settings.mix).arg("do").args(joined(tasks));
    vec![Task::must(command.envs(environment(project)))]
}

pub(super) fn release(project: &Project<'_>) -> Vec<Task> {
    let mut release = words(&["release"]);
    if !project.verbose {
        release.push("--quiet".to_owned());
    }
    // Without --skip-git-clean there is nothing to overwrite; with it mix would ask, and nobody answers.
    release.push("--overwrite".to_owned());
    generate(project, release)
}

pub(super) fn distillery_release(project: &Project<'_>) -> Vec<Task> {
    let settings = project.settings;
    let environment = format!("--env={}", settings.mix_env);
    let name = format!("--name={}", settings.app);
    let mut release = words(&["distillery.release", "--verbose", &environment, &name]);
    if let Purpose::UpgradeFrom(old) = project.purpose {
        release.extend(["--upgrade".to_owned(), format!("--upfrom={old}")]);
    }
    generate(project, release)
}

/// The release task, after the task that sets the version where one is to be set.
fn generate(project: &Project<'_>, release: Vec<String>) -> Vec<Task> {
    let command = tool(project, &project.settings.mix);
    let command = match release_version(project) {
        None => command.args(release),
        Some(mut version) => {
            if version.len() == 1 {
                version.push(String::new());
            }
            command.arg("do").args(joined(vec![version, release]))
        }
    };
    let linked = project.settings.passed_on.iter().filter(|(name, _)| is_link(name)).cloned();
    vec![Task::must(command.envs(environment(project)).envs(linked))]
}

/// The task of the edeliver package that sets the version of this build.
fn release_version(project: &Project<'_>) -> Option<Vec<String>> {
    let settings = project.settings;
    let arguments = match project.purpose {
        Purpose::Base => &settings.appended_arguments,
        Purpose::Release | Purpose::UpgradeFrom(_) => &settings.version_arguments,
    };
    if arguments.is_empty() && settings.auto_version.is_empty() {
        return None;
    }
    let mut task = words(&["release.version"]);
    task.extend(arguments.iter().cloned());
    if project.verbose {
        task.push("--verbose".to_owned());
    }
    Some(task)
}

/// The tasks as `mix do` takes them: a comma ends each but the last.
fn joined(tasks: Vec<Vec<String>>) -> Vec<String> {
    let last = tasks.len().saturating_sub(1);
    let mut all = Vec::new();
    for (index, mut task) in tasks.into_iter().enumerate() {
        if let Some(word) = task.last_mut().filter(|_| index < last) {
            word.push(',');
        }
        all.extend(task);
    }
    all
}

/// PARITY.md section 4, "Tools run with".
fn environment(project: &Project<'_>) -> Vec<(String, String)> {
    let settings = project.settings;
    let own = [
        ("APP", settings.app.as_str()),
        ("MIX_ENV", &settings.mix_env),
        ("AUTO_VERSION", &settings.auto_version),
        ("BRANCH", project.branch),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.into_iter().chain(settings.passed_on.iter().filter(|(name, _)| !is_link(name)).cloned()).collect()
}

/// LINK_SYS_CONFIG and LINK_VM_ARGS are for the step that makes the release.
fn is_link(name: &str) -> bool {
    name.starts_with("LINK_")
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
