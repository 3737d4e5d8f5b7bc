//! rebar 2.

use super::task::tool;
use super::{Project, Task};

pub(super) fn fetch_dependencies(project: &Project<'_>) -> Vec<Task> {
    vec![Task::must(tool(project, &project.settings.rebar).args(["update-deps", "get-deps"]))]
}

pub(super) fn compile(project: &Project<'_>) -> Vec<Task> {
    let rebar = &project.settings.rebar;
    let clean = || tool(project, rebar).args(["clean", "skip_deps=true"]);
    let clean = (!project.settings.skip_mix_clean).then(clean);
    clean.into_iter().chain([tool(project, rebar).arg("compile")]).map(Task::must).collect()
}

pub(super) fn generate(project: &Project<'_>) -> Vec<Task> {
    let settings = project.settings;
    let command = tool(project, &settings.rebar).args(&settings.release_options).args(["-f", "generate"]);
    vec![Task::must(command)]
}
