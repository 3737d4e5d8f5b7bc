//! Finding the release that the tools have made.

use super::task::prepared;
use super::{Project, Purpose};
use crate::git::remote::from_home;
use crate::release::{ExpectedErts, Version};
use crate::settings::ReleaseTool;
use crate::transport::{RemoteCommand, RemotePath};

const FIND: &str = include_str!("find_release.sh");

/// A release on the build host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltRelease {
    /// The release root, an absolute path.
    pub directory: RemotePath,
    /// Its version.
    pub version: Version,
    /// Whether it must bring its Erlang runtime along.
    pub erts: ExpectedErts,
}

/// Why there is no release, or not one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// Nowhere.
    #[error(
        "the build has left no release of {app} below {below}: is APP the release's name? If so, set RELEASE_DIR"
    )]
    NotFound {
        /// The application.
        app: String,
        /// Where it was looked for.
        below: String,
    },
    /// In several places.
    #[error("several directories hold a release of {app}; set RELEASE_DIR to the right one:{}", indented(.directories))]
    SeveralDirectories {
        /// The application.
        app: String,
        /// The directories.
        directories: Vec<String>,
    },
    /// A release without a version.
    #[error("{directory}/releases has no version")]
    NoVersion {
        /// The release root.
        directory: String,
    },
    /// An upgrade that leads to where it starts.
    #[error(
        "the new release has the version {0}, as the one that the upgrade starts from: raise it in the sources, or use --auto-version=revision (or AUTO_VERSION in .deliver/config)"
    )]
    SameVersion(Version),
    /// Several versions.
    #[error(
        "{directory}/releases has several versions: build without --skip-git-clean, or set RELEASE_VERSION to one of:{}",
        indented(.versions)
    )]
    SeveralVersions {
        /// The release root.
        directory: String,
        /// The versions.
        versions: Vec<String>,
    },
    /// RELEASE_VERSION is another one.
    #[error("RELEASE_VERSION={wanted}, but {directory}/releases has:{}", indented(.versions))]
    OtherVersions {
        /// The release root.
        directory: String,
        /// RELEASE_VERSION.
        wanted: String,
        /// The versions.
        versions: Vec<String>,
    },
    /// A directory in `releases/` whose name is no version.
    #[error(transparent)]
    Version(#[from] crate::release::version::InvalidVersion),
    /// A path that cannot be one.
    #[error(transparent)]
    Path(#[from] crate::transport::path::InvalidRemotePath),
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

impl BuiltRelease {
    /// The directory above the release root.
    pub(super) fn parent(&self) -> RemotePath {
        let parent = self.split().0;
        // Part of a path that was one already.
        if parent.is_empty() { "/" } else { parent }.parse().unwrap_or_else(|_| self.directory.clone())
    }

    /// The last part of the release root.
    pub(super) fn directory_name(&self) -> &str {
        self.split().1
    }

    fn split(&self) -> (&str, &str) {
        self.directory.as_str().rsplit_once('/').unwrap_or(("", self.directory.as_str()))
    }
}

/// Asks the build host where the release is.
pub fn command(project: &Project<'_>) -> RemoteCommand {
    let settings = project.settings;
    let find = RemoteCommand::script(FIND);
    let find = match (&settings.release_dir, settings.release_tool) {
        (Some(directory), _) => find.arg("at").arg(from_home(directory)),
        (None, ReleaseTool::Relx) => {
            let rel = project.at.join("_rel");
            find.arg("at").arg(rel.join(&settings.app)).arg(rel)
        }
        (None, tool) => find.arg("under").arg(root(project)).arg(&settings.app).arg(match tool {
            ReleaseTool::MixRelease => "start_erl.data",
            _ => "RELEASES",
        }),
    };
    prepared(project, find)
}

/// Where the release is looked for.
fn root(project: &Project<'_>) -> RemotePath {
    match project.settings.release_tool {
        ReleaseTool::MixRelease | ReleaseTool::Rebar3 => project.at.join("_build"),
        ReleaseTool::Relx => project.at.join("_rel"),
        ReleaseTool::Distillery | ReleaseTool::Rebar => project.at.clone(),
    }
}

/// Reads the host's answer.
///
/// # Errors
/// When it is not exactly one release with one version.
pub fn read_answer(project: &Project<'_>, answer: &str) -> Result<BuiltRelease, SearchError> {
    let app = project.settings.app.clone();
    let mut releases: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut erts = ExpectedErts::InRelease;
    for line in answer.lines() {
        match line.split_once(' ') {
            Some(("release", directory)) => releases.push((directory, Vec::new())),
            Some(("version", version)) => {
                releases.last_mut().into_iter().for_each(|found| found.1.push(version))
            }
            Some(("erts", "optional")) => erts = ExpectedErts::Optional,
            _ => {}
        }
    }
    match releases.as_slice() {
        [] => {
            let below = project.settings.release_dir.clone().unwrap_or_else(|| root(project)).to_string();
            Err(SearchError::NotFound { app, below })
        }
        [(directory, versions)] => {
            let version = version(project, directory, versions)?;
            Ok(BuiltRelease { directory: directory.parse()?, version, erts })
        }
        _ => {
            let directories = releases.iter().map(|(directory, _)| (*directory).to_owned()).collect();
            Err(SearchError::SeveralDirectories { app, directories })
        }
    }
}

fn version(project: &Project<'_>, directory: &str, versions: &[&str]) -> Result<Version, SearchError> {
    let directory = directory.to_owned();
    let wanted = project.settings.release_version.as_deref();
    // The release that the upgrade starts from lies beside the new one.
    let base = match project.purpose {
        Purpose::UpgradeFrom(base) => Some(base),
        Purpose::Release | Purpose::Base => None,
    };
    let is_base = |version: &str| base.is_some_and(|base| base.as_str() == version);
    let versions: Vec<&str> = versions.iter().copied().filter(|version| !is_base(version)).collect();
    let all = || versions.iter().map(|version| (*version).to_owned()).collect();
    match (versions.as_slice(), wanted) {
        (_, Some(wanted)) if versions.contains(&wanted) => Ok(wanted.parse()?),
        (_, Some(wanted)) => {
            Err(SearchError::OtherVersions { directory, wanted: wanted.to_owned(), versions: all() })
        }
        ([only], None) => Ok(only.parse()?),
        ([], None) => {
            Err(base
                .map_or(SearchError::NoVersion { directory }, |base| SearchError::SameVersion(base.clone())))
        }
        (_, None) => Err(SearchError::SeveralVersions { directory, versions: all() }),
    }
}
