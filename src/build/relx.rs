//! relx by itself.

use super::task::tool;
use super::{Project, Task};

pub(super) fn generate(project: &Project<'_>) -> Vec<Task> {
    vec![Task::must(tool(project, &project.settings.relx).arg("release"))]
}

pub(super) fn archive(project: &Project<'_>) -> Task {
    Task::must(tool(project, &project.settings.relx).arg("tar"))
}
