//! rebar3.

use super::task::{script_for_tool, tool};
use super::{Project, Task};

const INSTALL: &str = include_str!("rebar3_install.sh");

pub(super) fn fetch_dependencies(project: &Project<'_>) -> Vec<Task> {
    let rebar3 = &project.settings.rebar3;
    vec![
        Task::must(script_for_tool(project, INSTALL, rebar3)),
        Task::must(tool(project, rebar3).args(["update", "get-deps"])),
    ]
}

pub(super) fn compile(project: &Project<'_>) -> Vec<Task> {
    let rebar3 = &project.settings.rebar3;
    let clean = (!project.settings.skip_mix_clean).then(|| tool(project, rebar3).arg("clean"));
    clean.into_iter().chain([tool(project, rebar3).arg("compile")]).map(Task::must).collect()
}

pub(super) fn generate(project: &Project<'_>) -> Vec<Task> {
    let settings = project.settings;
    let command = tool(project, &settings.rebar3)
        .args(&settings.release_options)
        .args(["release", "-n", &settings.app])
        .env("REBAR_PROFILE", &settings.rebar_profile);
    vec![Task::must(command)]
}
