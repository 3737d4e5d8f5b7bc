//! Packing the release on the build host.

use super::task::prepared;
use super::{BuiltRelease, Project, Purpose, Task, relx};
use crate::settings::ReleaseTool;
use crate::transport::{RemoteCommand, RemotePath};

/// Packs the release. Nothing where the release tool has done it already.
pub fn tasks(project: &Project<'_>, release: &BuiltRelease) -> Vec<Task> {
    let app = &project.settings.app;
    let file = file(project, release);
    let pack = |tar: RemoteCommand, file: &RemotePath| {
        tar.arg("-zcpf").arg(file).arg("-C").arg(release.parent()).arg(release.directory_name())
    };
    let tar = RemoteCommand::new("tar");
    let commands = match project.settings.release_tool {
        ReleaseTool::Distillery => Vec::new(),
        ReleaseTool::Relx => return vec![relx::archive(project)],
        // It has packed the upgrade when it has made the relup.
        ReleaseTool::Rebar if matches!(project.purpose, Purpose::UpgradeFrom(_)) => Vec::new(),
        ReleaseTool::Rebar3 | ReleaseTool::Rebar => vec![pack(tar, &file)],
        // Its place is in the directory that it is made of. Made there it would change that directory while
        // tar reads it, which is an error for tar.
        ReleaseTool::MixRelease => {
            let outside = release.parent().join(&format!("{app}.tar.gz"));
            let tar = tar.arg(format!("--exclude={app}.tar.gz"));
            vec![pack(tar, &outside), RemoteCommand::new("mv").arg("-f").arg(&outside).arg(&file)]
        }
    };
    commands.into_iter().map(|command| Task::must(prepared(project, command))).collect()
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
