//! Packing the release on the build host.

use super::task::prepared;
use super::{BuiltRelease, Project, Task, relx};
use crate::settings::ReleaseTool;
use crate::transport::{RemoteCommand, RemotePath};

/// Packs the release. Nothing where the release tool has done it already.
pub fn task(project: &Project<'_>, release: &BuiltRelease) -> Option<Task> {
    let app = &project.settings.app;
    let file = file(project, release);
    let tar = RemoteCommand::new("tar");
    let tar = match project.settings.release_tool {
        ReleaseTool::Distillery => return None,
        ReleaseTool::Relx => return Some(relx::archive(project)),
        // The archive lies in the directory that it is made of.
        ReleaseTool::MixRelease => tar.arg(format!("--exclude={app}.tar.gz")),
        ReleaseTool::Rebar3 | ReleaseTool::Rebar => tar,
    };
    let tar = tar.arg("-zcpf").arg(&file).arg("-C").arg(release.parent()).arg(release.directory_name());
    Some(Task::must(prepared(project, tar)))
}

/// Where the archive lies then.
pub fn file(project: &Project<'_>, release: &BuiltRelease) -> RemotePath {
    let app = &project.settings.app;
    let version = &release.version;
    match project.settings.release_tool {
        ReleaseTool::MixRelease | ReleaseTool::Distillery => {
            release.directory.join(&format!("releases/{version}/{app}.tar.gz"))
        }
        ReleaseTool::Relx => release.directory.join(&format!("{app}-{version}.tar.gz")),
        ReleaseTool::Rebar3 | ReleaseTool::Rebar => release.parent().join(&format!("{app}_{version}.tar.gz")),
    }
}
